"""The repository of transcripts: takes in what a job heard, and gives whole transcripts out."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from shared.database import Connection, Pool
from shared.editing.content import Content
from shared.editing.edits import EditKind, Replace, segment_at
from shared.errors import NotFoundError, NotReadyError
from shared.lifecycle import JobStatus
from shared.records import Row
from shared.transcript import Notice, Segment, Speaker, Transcript
from shared.transcripts.edits import apply_locked
from shared.transcripts.heads import lock_transcript
from shared.transcripts.rows import read_segment, read_segments, read_speakers

_HEAD: Final = """
SELECT s.title, s.language, s.duration_ms, j.id AS newest_id, j.status, t.revision, heard.id AS heard_id,
    heard.warnings, heard.language AS heard_language, coalesce(heard.phrases, j.phrases) AS phrases
FROM session s LEFT JOIN job j ON j.id = s.transcription_job_id LEFT JOIN transcript t ON t.session_id = s.id
LEFT JOIN LATERAL (
    SELECT d.id, d.warnings, d.language, d.phrases FROM job d
    WHERE d.session_id = s.id AND d.status = 'succeeded' AND (t.revision IS NULL OR d.id = t.job_id)
    ORDER BY d.finished_at DESC LIMIT 1
) heard ON true
WHERE s.id = $1 AND s.tenant_id = $2
"""
_WARN: Final = "UPDATE job SET warnings = warnings || $2::jsonb WHERE id = $1"
_EDITED: Final = (
    "SELECT count(*) FROM transcript_edit WHERE session_id = $1 AND state = 'done' AND kind <> 'transcription'"
    " AND revision > coalesce((SELECT max(revision) FROM transcript_edit WHERE session_id = $1 AND state = 'done'"
    " AND kind = 'transcription'), 0)"
)

_LAST: Final = 2**31 - 1  # of the column `n`


class TranscriptRepository:
    """Transcripts in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def replace(
        self,
        connection: Connection,
        session_id: UUID,
        segments: Sequence[Segment],
        speakers: Sequence[Speaker],
    ) -> None:
        """Put what the session's newest job heard in place, inside the transaction that ends the job.

        What was there before, with all that people changed in it, is kept in the history and can be had back by
        undoing; where people had changed something, the job gets a warning that says so.
        """
        job_id = await connection.fetchval(
            "SELECT transcription_job_id FROM session WHERE id = $1", session_id
        )
        head = await lock_transcript(connection, session_id, new_job=job_id)
        edits = await connection.fetchval(_EDITED, session_id)
        content = Content(tuple(segments), tuple(speakers), job_id)
        await apply_locked(connection, head, Replace(content, EditKind.TRANSCRIPTION))
        if edits:
            detail = (
                f"{edits} edits were made to the transcript that this one replaces. It is kept in the history: "
                "undo brings it back."
            )
            await connection.execute(_WARN, job_id, [{"code": "edits_replaced", "detail": detail}])

    async def load(self, session_id: UUID, tenant_id: str, *, words: bool = True) -> Transcript:
        """The session's transcript; NotReadyError (with `job_id`, `job_status`) while there is none.

        Without `words` its segments have none: enough to read it.
        """
        async with (
            self._pool.acquire() as connection,
            connection.transaction(readonly=True, isolation="repeatable_read"),
        ):
            head = await _head(connection, session_id, tenant_id)
            segments = await read_segments(connection, session_id, words=words)
            speakers = await read_speakers(connection, session_id)
        return await asyncio.to_thread(_transcript, head, segments, speakers)

    async def segment(self, session_id: UUID, tenant_id: str, n: int) -> Segment:
        """One segment; NotReadyError while there is no transcript, NotFoundError where it has no such segment."""
        async with self._pool.acquire() as connection:
            await _head(connection, session_id, tenant_id)
            known = 0 <= n <= _LAST  # beyond the column there is none, and Postgres would not be asked
            segment = await read_segment(connection, session_id, n) if known else None
        return segment or segment_at(await self.load(session_id, tenant_id), n)  # which says what there is


async def _head(connection: Connection, session_id: UUID, tenant_id: str) -> Row:
    """What is known of the transcript beside its rows; NotFoundError, NotReadyError."""
    head = await connection.fetchrow(_HEAD, session_id, tenant_id)
    if head is None:
        raise NotFoundError
    if head["revision"] is None and head["heard_id"] is None:
        raise NotReadyError(
            _why_not(head["status"]), job_id=str(head["newest_id"]), job_status=head["status"]
        )
    return head


def _transcript(head: Row, segments: tuple[Segment, ...], speakers: tuple[Speaker, ...]) -> Transcript:
    last_ms = max((segment.end_ms for segment in segments), default=0)
    return Transcript(
        title=head["title"],
        language=head["heard_language"] or head["language"],
        duration_ms=head["duration_ms"] or last_ms,  # an import may come before any job has measured it
        segments=segments,
        speakers=speakers,
        warnings=tuple(Notice(w["code"], w["detail"]) for w in head["warnings"] or ()),
        revision=head["revision"] or 1,
        phrases=tuple(head["phrases"] or ()),
    )


def _why_not(status: str) -> str:
    if status == JobStatus.FAILED:
        return "The job failed, so there is no transcript. The job says why; retry it when that is mended."
    if status == JobStatus.CANCELLED:
        return "The job was cancelled, so there is no transcript. Retry it to get one."
    return "The transcript is not ready yet. Follow the job, then ask again."
