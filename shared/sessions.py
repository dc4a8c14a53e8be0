"""The repository of sessions: read, listed, renamed and erased; jobs change their status (`shared.jobs`)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.database import Pool, transaction
from shared.errors import NotFoundError
from shared.lifecycle import JobStatus
from shared.records import SessionRecord
from shared.webhooks.events import Event, tell_of_session

_PAGE: Final = """
SELECT s.* FROM session s LEFT JOIN job j ON j.id = s.transcription_job_id
WHERE s.tenant_id = $1 AND ($2::uuid IS NULL OR s.id < $2) AND s.status = ANY($3)
    AND ($4::text IS NULL OR lower(coalesce(s.language, j.language)) = $4
         OR starts_with(lower(coalesce(s.language, j.language)), $4 || '-'))
    AND ($5::timestamptz IS NULL OR s.created_at >= $5)
    AND ($6::timestamptz IS NULL OR s.created_at < $6)
    AND ($7::text IS NULL OR strpos(lower(s.title), lower($7)) > 0)
ORDER BY s.id DESC LIMIT $8
"""
# Whoever moves a job locks it and then its session: the other way round, deleting would wait for them and they for it.
_LOCK_JOBS: Final = "SELECT FROM job WHERE session_id = $1 ORDER BY id FOR UPDATE"
_EXPIRED: Final = "SELECT id FROM session WHERE delete_after < now() ORDER BY delete_after LIMIT $1"
_LOCK_EXPIRED: Final = "SELECT tenant_id FROM session WHERE id = $1 AND delete_after < now() FOR UPDATE"
_DELETE: Final = f"""
WITH gone AS (
    DELETE FROM session WHERE id = $1 AND tenant_id = $2 RETURNING *
), told AS ({tell_of_session(Event.SESSION_DELETED, "gone")})
SELECT true FROM gone
"""  # noqa: S608  (the parts are constants)


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions are wanted; None and the empty selection mean any.

    `language` matches a tag or the part before a hyphen (`en` finds `en-US`): the one that was asked for, or
    else the one that was heard. `text` is looked for in titles, whatever the case of its letters.
    """

    statuses: Sequence[JobStatus] = ()
    language: str | None = None
    created_after: datetime | None = None  # inclusive
    created_before: datetime | None = None  # exclusive
    text: str | None = None


def session_prefix(session_id: UUID) -> str:
    """Where a session's objects are."""
    return f"sessions/{session_id}"


class SessionRepository:
    """Sessions in Postgres, each method within one tenant."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, session_id: UUID, tenant_id: str) -> SessionRecord:
        """One session; NotFoundError where there is none."""
        row = await self._pool.fetchrow(
            "SELECT * FROM session WHERE id = $1 AND tenant_id = $2", session_id, tenant_id
        )
        if row is None:
            raise NotFoundError
        return SessionRecord.from_row(row)

    async def page(
        self, tenant_id: str, wanted: SessionFilter, *, limit: int, before: UUID | None = None
    ) -> list[SessionRecord]:
        """A tenant's sessions, newest first, `before` an id: ids are in order of time."""
        rows = await self._pool.fetch(
            _PAGE,
            tenant_id, before, [str(s) for s in wanted.statuses or JobStatus],
            wanted.language.lower() if wanted.language else None,
            wanted.created_after, wanted.created_before, wanted.text or None, limit,
        )  # fmt: skip
        return [SessionRecord.from_row(row) for row in rows]

    async def patch(
        self,
        session_id: UUID,
        tenant_id: str,
        *,
        title: str | None = None,
        metadata: dict[str, Any] | None = None,
        delete_after: tuple[datetime | None] | None = None,
    ) -> SessionRecord:
        """Change what is given and leave the rest; `delete_after` is boxed, since None is a value of it.

        Raises NotFoundError where there is no such session.
        """
        row = await self._pool.fetchrow(
            "UPDATE session SET title = coalesce($3, title), metadata = coalesce($4, metadata),"
            " delete_after = CASE WHEN $5 THEN $6 ELSE delete_after END, updated_at = now()"
            " WHERE id = $1 AND tenant_id = $2 RETURNING *",
            session_id, tenant_id, title, metadata, delete_after is not None,
            delete_after[0] if delete_after else None,
        )  # fmt: skip
        if row is None:
            raise NotFoundError
        return SessionRecord.from_row(row)

    async def delete(self, session_id: UUID, tenant_id: str) -> bool:
        """Delete the session with its jobs and transcript; returns whether there was one. Usage is kept (F32).

        Webhooks that tell of it are queued with it.
        """
        async with transaction(self._pool) as connection:
            await connection.execute(_LOCK_JOBS, session_id)
            return bool(await connection.fetchval(_DELETE, session_id, tenant_id))

    async def expired(self, limit: int) -> list[UUID]:
        """Some sessions of any tenant whose time is over, the longest first."""
        rows = await self._pool.fetch(_EXPIRED, limit)
        return [row["id"] for row in rows]

    @asynccontextmanager
    async def erasing(self, session_id: UUID) -> AsyncIterator[bool]:
        """Hold a session whose time is over while the block deletes its objects; its rows go when the block ends.

        False where its time is not over any more. Who wants to keep it waits meanwhile, and is told that it is gone.
        """
        async with transaction(self._pool) as connection:
            await connection.execute(_LOCK_JOBS, session_id)
            tenant_id = await connection.fetchval(_LOCK_EXPIRED, session_id)
            yield tenant_id is not None
            if tenant_id is not None:
                await connection.execute(_DELETE, session_id, tenant_id)
