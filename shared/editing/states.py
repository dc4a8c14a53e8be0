"""Where an edit stands in the history; standard library only."""

from enum import StrEnum


class EditState(StrEnum):
    """In force, undone (and can be redone), or undone with another edit in its place."""

    DONE = "done"
    UNDONE = "undone"
    DROPPED = "dropped"
