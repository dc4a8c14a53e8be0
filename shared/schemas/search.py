"""What the HTTP API gives of a search, as pydantic models."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from shared.schemas.base import Resource
from shared.search.excerpts import excerpt, said_at
from shared.transcript import Role
from shared.transcripts.search import Hit


class Stretch(Resource):
    """Characters of a text, counted in code points: the first, and the one after the last."""

    start: int
    end: int


class Match(Stretch):
    """What was found in the segment's text, and when it was said; the segment's times where no word tells."""

    start_ms: int
    end_ms: int


class Snippet(Resource):
    """The text around the first match, and the matches in it."""

    text: str
    matches: list[Stretch]


class SearchHit(Resource):
    """A segment that has all that was looked for."""

    session_id: UUID
    title: str
    created_at: datetime = Field(description="Of the session")
    n: int = Field(description="The segment's number")
    start_ms: int
    end_ms: int
    speaker: int | None
    name: str | None
    role: Role
    text: str
    matches: list[Match]
    snippet: Snippet

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """The resource of a hit."""
        text, inside = excerpt(hit.text, hit.found)
        times = said_at(hit.text, hit.words, hit.found)
        return cls(
            session_id=hit.place.session_id,
            title=hit.title,
            created_at=hit.created_at,
            n=hit.place.n,
            start_ms=hit.start_ms,
            end_ms=hit.end_ms,
            speaker=hit.speaker,
            name=hit.speaker_name,
            role=hit.role,
            text=hit.text,
            matches=[
                Match(start=start, end=end, start_ms=when[0], end_ms=when[1])
                for (start, end), when in zip(
                    hit.found, (when or (hit.start_ms, hit.end_ms) for when in times), strict=True
                )
            ],
            snippet=Snippet(text=text, matches=_stretches(inside)),
        )


def _stretches(found: Iterable[tuple[int, int]]) -> list[Stretch]:
    return [Stretch(start=start, end=end) for start, end in found]


class SearchPage(Resource):
    """A part of what was found; `next_cursor` is null on the last page."""

    items: list[SearchHit]
    next_cursor: str | None
    total: int | None = Field(description="Hits that were ranked; null by time, where nobody counts")
    capped: bool = Field(description="More was found than is ranked: sort by time to see all of it")
