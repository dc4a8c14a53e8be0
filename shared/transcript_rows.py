"""How transcripts lie in Postgres: rows and JSON of segments, words, speakers and patches, and the writes of them."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from shared.database import Connection
from shared.editing.content import Content, Patch, Splice
from shared.records import Row
from shared.search.terms import vector
from shared.transcript import Role, Segment, Speaker, Word

_INSERT_SEGMENT: Final = (
    "INSERT INTO transcript_segment"
    " (session_id, n, start_ms, end_ms, speaker, content, confidence, words, version, search)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::tsvector)"
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
    said = "words" if words else "'[]'::jsonb AS words"
    rows = await connection.fetch(
        f"SELECT n, start_ms, end_ms, speaker, content, confidence, {said}, version FROM transcript_segment"  # noqa: S608
        " WHERE session_id = $1 ORDER BY n",
        session_id,
    )
    # Hours of words take tenths of a second: not on the loop (F17).
    return await asyncio.to_thread(_segments, rows)


def _segments(rows: Iterable[Row]) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            n=row["n"],
            start_ms=row["start_ms"],
            end_ms=row["end_ms"],
            text=row["content"],
            speaker=row["speaker"],
            confidence=row["confidence"],
            words=unpack(row["words"], row["speaker"]),
            version=row["version"],
        )
        for row in rows
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
    for splice in reversed(patch.splices):
        until = splice.at + len(splice.removed)
        await connection.execute(
            "DELETE FROM transcript_segment WHERE session_id = $1 AND n >= $2 AND n < $3",
            session_id, splice.at, until,
        )  # fmt: skip
        if splice.shift:
            await connection.execute(_LIFT, session_id, until, splice.shift, revision)
            await connection.execute(_SETTLE, session_id)
        await connection.executemany(
            _INSERT_SEGMENT,
            [
                (*_segment_row(session_id, n, s, revision), vector(s.text, tenant_id))
                for n, s in enumerate(splice.inserted, splice.at)
            ],
        )
    if patch.speakers:
        await connection.execute("DELETE FROM session_speaker WHERE session_id = $1", session_id)
        await connection.executemany(
            _INSERT_SPEAKER, [_speaker_row(session_id, speaker) for speaker in patch.speakers[1]]
        )


def _segment_row(session_id: UUID, n: int, s: Segment, version: int) -> tuple[Any, ...]:
    words = pack(s.words)
    return (session_id, n, s.start_ms, s.end_ms, s.speaker, s.text, s.confidence, words, version)


def _speaker_row(session_id: UUID, s: Speaker) -> tuple[Any, ...]:
    return (session_id, s.number, s.name, s.role, s.role_confidence, s.evidence)


def patch_to_json(patch: Patch) -> dict[str, Any]:
    """A patch as `transcript_edit.patch` keeps it."""
    return {
        "splices": [
            [splice.at, [_flat(s) for s in splice.removed], [_flat(s) for s in splice.inserted]]
            for splice in patch.splices
        ],
        "speakers": patch.speakers and [[_plain(s) for s in side] for side in patch.speakers],
        "jobs": patch.jobs and [str(job) if job else None for job in patch.jobs],
    }


def patch_from_json(stored: dict[str, Any]) -> Patch:
    """The patch that `patch_to_json` wrote."""
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


async def read_content(connection: Connection, session_id: UUID, job_id: UUID | None) -> Content:
    """What edits of the session start from."""
    return Content(
        await read_segments(connection, session_id), await read_speakers(connection, session_id), job_id
    )
