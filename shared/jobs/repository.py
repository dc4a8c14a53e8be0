"""The repository of jobs: every change of a status is one UPDATE that names the statuses it may come from.

A worker's writes carry `attempt`, the fence: `claim` raises it, so the writes of a run that was overtaken match
no row. A method that matches no row returns None or False, and the run that called it ends quietly.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from shared.database import Connection, Pool, transaction
from shared.errors import ConflictError, NotFoundError, TranscriptsError
from shared.jobs import moves
from shared.jobs.messages import STARTING, WAITING, message_of
from shared.lifecycle import JobStatus
from shared.queue.envelope import rank_ms
from shared.records import JobRecord, Row, SessionRecord

SHOWN: Final = f"""greatest(j.progress, coalesce(ps.progress, 0)) AS progress,
    greatest(j.audio_ms_done, coalesce(ps.audio_ms_done, 0)) AS audio_ms_done,
    CASE WHEN j.status = 'running' THEN ps.phase END AS phase,
    {message_of("j", f"coalesce(ps.message, '{STARTING}')")} AS message"""
"""What readers see of a job `j` beside its row: its run's word, `ps`, while there is one."""

_SELECT = f"""
SELECT j.*, {SHOWN}, s.duration_ms, CASE WHEN j.finished_at IS NOT NULL
    THEN (SELECT sum(u.micro_dollars)::bigint FROM usage u WHERE u.job_id = j.id) END AS micro_dollars
FROM job j JOIN session s ON s.id = j.session_id LEFT JOIN processing_status ps ON ps.job_id = j.id
"""  # noqa: S608  (the parts are constants)


class JobRepository:
    """Jobs in Postgres. Methods that take a connection run inside the caller's transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(
        self,
        session: SessionRecord,
        job: JobRecord,
        *,
        within: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        """Commit a session with its first job, queued; ring only afterwards.

        `within` does more in the same transaction; what it raises undoes all of it.
        """
        async with transaction(self._pool) as connection:
            await connection.execute(
                "INSERT INTO session (id, tenant_id, title, language, transcription_job_id, audio_key,"
                " audio_filename, audio_source, audio_container, audio_size, audio_sha256, metadata, delete_after,"
                " webhook_id, webhook_url)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                session.id, session.tenant_id, session.title, session.language, job.id, session.audio_key,
                session.audio_filename, session.audio_source, session.audio_container, session.audio_size,
                session.audio_sha256, session.metadata, session.delete_after, session.webhook_id,
                session.webhook_url,
            )  # fmt: skip
            await _insert(connection, job)
            if within is not None:
                await within(connection)

    async def add(self, job: JobRecord) -> None:
        """Commit another job of an existing session; ConflictError while one is active (F9).

        A job with this id that is there already is the same one, committed before its request was answered.
        """
        async with transaction(self._pool) as connection:
            # The row lock makes two at once take turns, so that the second sees the first.
            status = await connection.fetchval(
                "SELECT status FROM session WHERE id = $1 AND tenant_id = $2 FOR UPDATE",
                job.session_id, job.tenant_id,
            )  # fmt: skip
            if status is None:
                raise NotFoundError
            active = await connection.fetchval(
                "SELECT id FROM job WHERE session_id = $1 AND (id = $2 OR status IN ('queued', 'running'))"
                " ORDER BY id = $2 DESC LIMIT 1",
                job.session_id, job.id,
            )  # fmt: skip
            if active == job.id:
                return
            if active is not None:
                raise ConflictError(
                    "The session is being transcribed already. Follow or cancel that job first.",
                    job_id=str(active),
                )
            await _insert(connection, job)
            await connection.execute(
                "UPDATE session SET transcription_job_id = $2, status = 'queued', updated_at = now() WHERE id = $1",
                job.session_id, job.id,
            )  # fmt: skip

    async def get(self, job_id: UUID, tenant_id: str) -> JobRecord:
        """One job of a tenant; NotFoundError where there is none."""
        row = await self._pool.fetchrow(f"{_SELECT} WHERE j.id = $1 AND j.tenant_id = $2", job_id, tenant_id)
        if row is None:
            raise NotFoundError
        return JobRecord.from_row(row)

    async def many(self, job_ids: Sequence[UUID]) -> list[JobRecord]:
        """Those of the jobs that exist, of any tenant, in one query: for readers that were let in already."""
        rows = await self._pool.fetch(f"{_SELECT} WHERE j.id = ANY($1)", job_ids)
        return [JobRecord.from_row(row) for row in rows]

    async def page(
        self,
        tenant_id: str,
        *,
        limit: int,
        before: UUID | None = None,
        statuses: Sequence[JobStatus] = tuple(JobStatus),
        session_id: UUID | None = None,
    ) -> list[JobRecord]:
        """A tenant's jobs, newest first, `before` an id: ids are in order of time."""
        rows = await self._pool.fetch(
            f"{_SELECT} WHERE j.tenant_id = $1 AND j.status = ANY($2) AND ($3::uuid IS NULL OR j.id < $3)"
            " AND ($4::uuid IS NULL OR j.session_id = $4) ORDER BY j.id DESC LIMIT $5",
            tenant_id, [str(s) for s in statuses], before, session_id, limit,
        )  # fmt: skip
        return [JobRecord.from_row(row) for row in rows]

    async def cancel(self, job_id: UUID, tenant_id: str, error: TranscriptsError) -> JobRecord | None:
        """Cancel an active job at once; its worker notices at its next write. None where it had ended."""
        await self.get(job_id, tenant_id)
        return _record(await self._pool.fetchrow(moves.CANCEL, job_id, error.as_dict()))

    # What a worker does --------------------------------------------------------------------------------

    async def claim(
        self, job_id: UUID, worker: str, engines: Sequence[str] | None = None
    ) -> JobRecord | None:
        """Take a due job for `worker` and raise the fence; None where it has ended, is gone, or is not due.

        None as well where its engine is none of `engines`, those that the worker runs.
        """
        return _record(await self._pool.fetchrow(moves.CLAIM, job_id, worker, engines))

    async def hand_over(self, job_id: UUID, attempt: int) -> bool:
        """Give a job back at shutdown: due again at once, and not a failure."""
        return await self._pool.fetchrow(moves.HAND_OVER, job_id, attempt) is not None

    async def lose(self, job_id: UUID, attempt: int) -> bool:
        """Let a dead worker's job wait for one of another lane; that counts as a failure, as a takeover does."""
        return await self._pool.fetchrow(moves.LOSE, job_id, attempt) is not None

    async def retry_later(self, job_id: UUID, attempt: int, error: TranscriptsError, wait: timedelta) -> bool:
        """Queue the job again after a transient error; due after `wait`, by the database's clock."""
        row = await self._pool.fetchrow(moves.RETRY_LATER, job_id, attempt, error.as_dict(), wait)
        return row is not None

    async def fall_back(self, job: JobRecord, error: TranscriptsError, warning: dict[str, Any]) -> bool:
        """Let the job wait for its other engine, which starts from the beginning; once in its life."""
        async with transaction(self._pool) as connection:
            row = await connection.fetchrow(moves.FALL_BACK, job.id, job.attempt, error.as_dict(), [warning])
            if row is not None:
                await connection.execute("DELETE FROM job_piece WHERE job_id = $1", job.id)
        return row is not None

    async def fail(self, job_id: UUID, attempt: int, error: TranscriptsError) -> bool:
        """End the job with an error; the recording is kept."""
        return await self._pool.fetchrow(moves.FAIL, job_id, attempt, error.as_dict()) is not None

    async def succeed(
        self,
        connection: Connection,
        job: JobRecord,
        *,
        warnings: list[dict[str, Any]],
        model: str,
        language: str | None,
    ) -> bool:
        """End the job well, inside the transaction that saves its transcript."""
        row = await connection.fetchrow(moves.SUCCEED, job.id, job.attempt, warnings, model, language)
        return row is not None

    async def measured(self, job_id: UUID, attempt: int, duration_ms: int) -> bool:
        """Commit the recording's measured length (never a declared one, F33)."""
        return await self._of_session("duration_ms = $3", job_id, attempt, duration_ms)

    async def fetched(
        self, job_id: UUID, attempt: int, *, container: str, size: int, sha256: str | None
    ) -> bool:
        """Commit that the session's recording is in the store now, and forget where it came from."""
        return await self._of_session(
            "audio_source = NULL, audio_container = $3, audio_size = $4, audio_sha256 = $5",
            job_id, attempt, container, size, sha256,
        )  # fmt: skip

    async def hashed(self, job_id: UUID, attempt: int, sha256: str) -> bool:
        """Commit the SHA-256 of a recording that had not passed through the API."""
        return await self._of_session("audio_sha256 = $3", job_id, attempt, sha256)

    async def _of_session(self, assignment: str, job_id: UUID, attempt: int, *values: object) -> bool:
        row = await self._pool.fetchrow(
            f"UPDATE session s SET {assignment}, updated_at = now() FROM job j WHERE j.id = $1"  # noqa: S608
            " AND j.attempt = $2 AND j.status = 'running' AND s.id = j.session_id RETURNING 1",
            job_id, attempt, *values,
        )  # fmt: skip
        return row is not None


def _record(row: Row | None) -> JobRecord | None:
    return None if row is None else JobRecord.from_row(row)


async def _insert(connection: Connection, job: JobRecord) -> None:
    await connection.execute(
        "INSERT INTO job (id, session_id, tenant_id, priority, engine, model, language, speakers, diarization,"
        " phrases, processing, request_id, traceparent, retry_of, fallback_engine, place)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"
        " now() - $16::int * interval '1 millisecond')",
        job.id, job.session_id, job.tenant_id, job.priority, job.engine, job.model, job.language, job.speakers,
        job.diarization, job.phrases, job.processing, job.request_id, job.traceparent, job.retry_of,
        job.fallback_engine, rank_ms(job.priority),
    )  # fmt: skip
    await connection.execute("INSERT INTO job_event (job_id, attempt, what) VALUES ($1, 0, 'queued')", job.id)
    await connection.execute(
        "INSERT INTO processing_status (session_id, job_id, message) VALUES ($1, $2, $3)"
        " ON CONFLICT (session_id) DO UPDATE SET job_id = excluded.job_id, phase = NULL, progress = 0,"
        " audio_ms_done = 0, message = excluded.message, updated_at = now()",
        job.session_id, job.id, WAITING,
    )  # fmt: skip
