"""Edits of transcripts, and their history."""

from datetime import datetime

from client.models.base import Answer
from client.models.transcripts import Segment, Speaker


class Speakers(Answer):
    """The speakers of a session, and the revision of the transcript that has them."""

    revision: int
    speakers: tuple[Speaker, ...] = ()


class Edit(Answer):
    """An edit: the revision that it made, what it did, and whether it is in force (`done`, `undone`, `dropped`)."""

    revision: int
    kind: str
    state: str = "done"
    request_id: str | None = None
    created_at: datetime | None = None


class Change(Answer):
    """At segment `at`, as it was counted before, `removed` segments made way for those in `segments`."""

    at: int
    removed: int
    segments: tuple[Segment, ...] = ()


class Edited(Answer):
    """What became of the transcript; no `edit` where nothing had to be changed."""

    revision: int
    edit: Edit | None = None
    changes: tuple[Change, ...] = ()
    speakers: tuple[Speaker, ...] | None = None


class EditDetail(Edit):
    """An edit with what stood there before and after it."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    speakers_before: tuple[Speaker, ...] | None = None
    speakers_after: tuple[Speaker, ...] | None = None
