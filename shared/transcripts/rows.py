"""How transcripts lie in Postgres: rows and JSON of segments, words, speakers and patches, and the writes of them."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from shared.database import Connection, json_text
from shared.editing.content import Content, Patch, Splice
from shared.records import Row
from shared.search.terms import vector
from shared.transcript import Role, Segment, Speaker, Word

# Words come and go as text. asyncpg would turn them into lists on the event loop: for a recording of hours, tenths of a
# second in which nobody else is served (F17). A thread does it.
_SEGMENTS: Final = (
    "SELECT n, start_ms, end_ms, speaker, content, confidence, words::text AS words, version"
    " FROM transcript_segment WHERE session_id = $1"
)
_INSERT_SEGMENT: Final = (
    "INSERT INTO transcript_segment"
    " (session_id, n, start_ms, end_ms, speaker, content, confidence, words, version, search)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10::text::tsvector)"
)
_INSERT_SPEAKER: Final = (
    "INSERT INTO session_speaker (session_id, number, name, role, role_confidence, evidence)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
)
# A primary key is checked row by row, so numbers move by way of negative ones, where nothing stands.
_LIFT: Final = "UPDATE transcript_segment SET n = -n - 1 - $3, version = $4 WHERE session_id = $1 AND n >= $2"
_SETTLE: Final = "UPDATE transcript_segment SET n = -n - 1 WHERE session_id = $1 AND n < 0"


def pack(words: Iterable[Word]) -> list[list[Any]]:
    """Words as `transcript_segment.words` keeps them: [text, start ms, end ms, confidence, joined]."""
    return [[w.text, w.start_ms, w.end_ms, w.confidence, w.joined] for w in words]


def unpack(rows: Iterable[Sequence[Any]], speaker: int | None) -> tuple[Word, ...]:
    """The words that `pack` packed; all of a segment's words are of its speaker."""
    return tuple(Word(r[0], r[1], r[2], confidence=r[3], speaker=speaker, joined=r[4]) for r in rows)


async def read_segments(
    connection: Connection, session_id: UUID, *, words: bool = True
) -> tuple[Segment, ...]:
    """A session's segments in order; without their words they are there ten times sooner."""
    columns = _SEGMENTS if words else _SEGMENTS.replace("words::text", "'[]'")
    rows = await connection.fetch(f"{columns} ORDER BY n", session_id)
    return await asyncio.to_thread(lambda: tuple(map(_segment, rows)))


async def read_run(connection: Connection, session_id: UUID, first: int, last: int) -> tuple[Segment, ...]:
    """The segments from one number to another, both included, with their words."""
    rows = await connection.fetch(f"{_SEGMENTS} AND n BETWEEN $2 AND $3 ORDER BY n", session_id, first, last)
    return await asyncio.to_thread(lambda: tuple(map(_segment, rows)))


async def read_segment(connection: Connection, session_id: UUID, n: int) -> Segment | None:
    """One segment, if there is one with this number."""
    row = await connection.fetchrow(f"{_SEGMENTS} AND n = $2", session_id, n)
    return None if row is None else _segment(row)


def _segment(row: Row) -> Segment:
    return Segment(
        n=row["n"],
        start_ms=row["start_ms"],
        end_ms=row["end_ms"],
        text=row["content"],
        speaker=row["speaker"],
        confidence=row["confidence"],
        words=unpack(json.loads(row["words"]), row["speaker"]),
        version=row["version"],
    )


async def read_speakers(connection: Connection, session_id: UUID) -> tuple[Speaker, ...]:
    """A session's speakers by number."""
    rows = await connection.fetch(
        "SELECT * FROM session_speaker WHERE session_id = $1 ORDER BY number", session_id
    )
    return tuple(
        Speaker(row["number"], row["name"], Role(row["role"]), row["role_confidence"], row["evidence"])
        for row in rows
    )


async def write_patch(
    connection: Connection, session_id: UUID, tenant_id: str, patch: Patch, revision: int
) -> None:
    """Change the rows as the patch says; what it touches, or counts anew, is of this revision.

    The terms that are searched are written with the text that they are of, in the same row.
    """
    rows = await asyncio.to_thread(_rows_of, patch, session_id, tenant_id, revision)
    await connection.execute(
        "DELETE FROM transcript_segment WHERE session_id = $1 AND n = ANY($2)", session_id, rows.removed
    )
    for first, shift in reversed(rows.shifts):
        await connection.execute(_LIFT, session_id, first, shift, revision)
        await connection.execute(_SETTLE, session_id)
    await connection.executemany(_INSERT_SEGMENT, rows.inserted)
    if patch.speakers:
        await connection.execute("DELETE FROM session_speaker WHERE session_id = $1", session_id)
        await connection.executemany(
            _INSERT_SPEAKER, [_speaker_row(session_id, speaker) for speaker in patch.speakers[1]]
        )


@dataclass(slots=True)
class _Rows:
    """What a patch does to the rows: those that go and those that move, by their numbers before it; those that come."""

    removed: list[int] = field(default_factory=list)
    shifts: list[tuple[int, int]] = field(default_factory=list)  # from this one on, by so much
    inserted: list[tuple[Any, ...]] = field(default_factory=list)


def _rows_of(patch: Patch, session_id: UUID, tenant_id: str, version: int) -> _Rows:
    rows, moved = _Rows(), 0
    for splice in patch.splices:
        until = splice.at + len(splice.removed)
        rows.removed += range(splice.at, until)
        for n, s in enumerate(splice.inserted, splice.at + moved):
            words, search = json_text(pack(s.words)), vector(s.text, tenant_id)
            rows.inserted.append(
                (session_id, n, s.start_ms, s.end_ms, s.speaker, s.text, s.confidence, words, version, search)
            )
        if splice.shift:
            rows.shifts.append((until, splice.shift))
            moved += splice.shift
    return rows


def _speaker_row(session_id: UUID, s: Speaker) -> tuple[Any, ...]:
    return (session_id, s.number, s.name, s.role, s.role_confidence, s.evidence)


def patch_to_text(patch: Patch) -> str:
    """A patch as `transcript_edit.patch` keeps it, in JSON."""
    stored = {
        "splices": [
            [splice.at, [_flat(s) for s in splice.removed], [_flat(s) for s in splice.inserted]]
            for splice in patch.splices
        ],
        "speakers": patch.speakers and [[_plain(s) for s in side] for side in patch.speakers],
        "jobs": patch.jobs and [str(job) if job else None for job in patch.jobs],
    }
    return json_text(stored)


def patch_from_text(text: str) -> Patch:
    """The patch that `patch_to_text` wrote."""
    stored = json.loads(text)
    speakers, jobs = stored["speakers"], stored["jobs"]
    return Patch(
        tuple(
            Splice(at, tuple(map(_unflat, removed)), tuple(map(_unflat, inserted)))
            for at, removed, inserted in stored["splices"]
        ),
        speakers and (_speakers(speakers[0]), _speakers(speakers[1])),
        jobs and (_id(jobs[0]), _id(jobs[1])),
    )


def _flat(s: Segment) -> list[Any]:
    return [s.start_ms, s.end_ms, s.speaker, s.text, s.confidence, pack(s.words)]


def _unflat(row: Sequence[Any]) -> Segment:
    start, end, speaker, text, confidence, words = row
    return Segment(0, start, end, text, speaker, confidence, unpack(words, speaker))


def _plain(s: Speaker) -> list[Any]:
    return [s.number, s.name, s.role, s.role_confidence, s.evidence]


def _speakers(rows: Iterable[Sequence[Any]]) -> tuple[Speaker, ...]:
    return tuple(Speaker(r[0], r[1], Role(r[2]), r[3], r[4]) for r in rows)


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None


async def read_content(
    connection: Connection, session_id: UUID, job_id: UUID | None, *, words: bool = True
) -> Content:
    """What edits of the session start from."""
    return Content(
        await read_segments(connection, session_id, words=words),
        await read_speakers(connection, session_id),
        job_id,
    )


async def with_words(
    connection: Connection, session_id: UUID, content: Content, run: tuple[int, int] | None
) -> Content:
    """A content that was read without words, with those of the segments from the first to the last of a run."""
    if run is None:
        return content
    first, last = run
    heard = await read_run(connection, session_id, first, last)
    return replace(content, segments=(*content.segments[:first], *heard, *content.segments[last + 1 :]))
