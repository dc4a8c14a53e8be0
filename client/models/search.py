"""What a search finds."""

from datetime import datetime
from uuid import UUID

from client.models.base import Answer
from shared.transcript import Role


class Stretch(Answer):
    """Characters of a text, counted in code points: the first, and the one after the last."""

    start: int
    end: int


class Match(Stretch):
    """What was found in a segment's text, and when it was said, in milliseconds."""

    start_ms: int
    end_ms: int


class Snippet(Answer):
    """The text around the first match, and the matches in it."""

    text: str
    matches: tuple[Stretch, ...] = ()


class Hit(Answer):
    """A segment that has all that was looked for."""

    session_id: UUID
    title: str
    created_at: datetime | None = None
    n: int
    start_ms: int
    end_ms: int
    speaker: int | None = None
    name: str | None = None
    role: Role = Role.UNKNOWN
    text: str
    matches: tuple[Match, ...] = ()
    snippet: Snippet
