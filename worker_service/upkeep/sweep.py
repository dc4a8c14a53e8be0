"""Finds what the queue forgot, and what is past its time; once an interval, whichever worker comes first.

Postgres is the truth, so there is no outbox: a job that was committed and never dispatched, one whose bell was
lost with Redis, and one whose worker died are all rows, and are rung for again. A ring for a job that is in the
queue already does nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from redis.exceptions import RedisError

from shared.database import AWAY, Pool
from shared.errors import QueueUnavailableError, StorageError
from shared.jobs.dispatch import TAKES_JOBS, Dispatcher, ring_of
from shared.jobs.repository import JobRepository
from shared.observation.logs import get_logger
from shared.ports import JobQueue, ObjectStore
from shared.sessions import SessionRepository, session_prefix
from shared.transcripts.search import SearchRepository
from shared.uploads import UploadRepository, upload_prefix

log = get_logger(__name__)

GRACE_S: Final = 5.0
"""How long after its ring a job may be unclaimed before it is rung for again; it may just be waiting its turn."""

_DUE_UNCLAIMED: Final = """
j.status = 'queued' AND j.rung_at < now() - $1 * interval '1 second'
    AND (j.next_attempt_at IS NULL OR j.next_attempt_at <= now())
"""
# Whether no worker is left that would take the job out of its lane.
_NOBODY_COMES: Final = f"""
NOT EXISTS (SELECT 1 FROM worker WHERE coalesce(worker.lane, '') = coalesce(j.lane, '') AND worker.engines ? j.engine
    AND {TAKES_JOBS})
"""  # noqa: S608  (the part is a constant)
_STRANDED: Final = f"""
UPDATE job j SET rung_at = NULL, lane = NULL WHERE {_DUE_UNCLAIMED} AND {_NOBODY_COMES} RETURNING j.id
"""  # noqa: S608
_LOST: Final = f"""
SELECT j.id, j.attempt FROM job j LEFT JOIN worker w ON w.id = j.worker
WHERE j.status = 'running'
    AND (w.id IS NULL OR w.stopped_at IS NOT NULL OR w.seen_at < now() - $1 * interval '1 second')
    AND {_NOBODY_COMES}
"""  # noqa: S608
_FORGOTTEN = f"""
SELECT j.id, j.priority, j.request_id, j.traceparent, j.lane FROM job j LEFT JOIN worker w ON w.id = j.worker
WHERE ({_DUE_UNCLAIMED}) OR (j.status = 'running'
       AND (w.id IS NULL OR w.stopped_at IS NOT NULL OR w.seen_at < now() - $2 * interval '1 second'))
ORDER BY j.queued_at
"""  # noqa: S608
_AT_ONCE: Final = 100
_LONGEST_WRITE: Final = timedelta(days=1)
_AUDITED_AT_ONCE: Final = 1_000
_OLD_WORKERS = "DELETE FROM worker WHERE seen_at < now() - interval '7 days'"


class Sweep:
    """Rings forgotten jobs, erases sessions whose time is over, indexes what an older version has left."""

    def __init__(
        self,
        *,
        pool: Pool,
        queue: JobQueue,
        dispatcher: Dispatcher,
        store: ObjectStore,
        take_turn: Callable[[float], Awaitable[bool]],
        every_s: float,
        dead_after_s: float,
        audit_days: int | None = None,
    ) -> None:
        """`take_turn(seconds)` says whether this worker sweeps now, for all workers, for that long."""
        self._pool = pool
        self._queue = queue
        self._dispatcher = dispatcher
        self._store = store
        self._jobs = JobRepository(pool)
        self._sessions = SessionRepository(pool)
        self._search = SearchRepository(pool)
        self._uploads = UploadRepository(pool)
        self._take_turn = take_turn
        self._every_s = every_s
        self._dead_after_s = dead_after_s
        self._audit_days = audit_days

    async def run(self) -> None:
        """Sweep every interval until cancelled; a store that is away is tried again."""
        while True:
            try:
                if await self._take_turn(self._every_s):
                    await self.once()
            except (*AWAY, RedisError, QueueUnavailableError, StorageError) as error:
                log.warning("sweep put off", reason=repr(error))
            await asyncio.sleep(self._every_s)

    async def once(self) -> int:
        """One sweep; returns how many jobs went into the queue that were not there."""
        await self._leave_dead_lanes()
        rung = await self._ring_forgotten() + await self._dispatcher.dispatch()
        await self._erase_expired()
        await self._drop_uploads()
        await self._store.tidy(_LONGEST_WRITE)
        await self._pool.execute(_OLD_WORKERS)
        await self._forget_audited()
        await self._search.index_some()
        return rung

    async def _leave_dead_lanes(self) -> None:
        """Let jobs wait again, for any worker with their engine, where those that they were given to are all gone."""
        stranded = await self._pool.fetch(_STRANDED, GRACE_S)
        lost = await self._pool.fetch(_LOST, self._dead_after_s)
        for row in lost:
            await self._jobs.lose(row["id"], row["attempt"])
        if stranded or lost:
            log.warning(
                "no worker is left in the lane of some jobs", waiting=len(stranded), running=len(lost)
            )

    async def _ring_forgotten(self) -> int:
        rows = await self._pool.fetch(_FORGOTTEN, GRACE_S, self._dead_after_s)
        if not rows:
            return 0
        rung = await self._queue.ring([ring_of(row) for row in rows])
        if rung:
            log.warning("forgotten jobs rung again", jobs=rung)
        return rung

    async def _drop_uploads(self) -> None:
        """Uploads that nobody finished in time, and what is left of those that became sessions."""
        for upload_id in await self._uploads.expired(_AT_ONCE):
            try:
                await self._store.delete_prefix(upload_prefix(upload_id))
            except StorageError as error:
                log.warning("an upload is erased later", upload_id=str(upload_id), reason=error.detail)
            else:
                await self._uploads.drop_expired(upload_id)

    async def _forget_audited(self) -> None:
        """Some of what the audit trail has kept for its time; a function of the database alone may do so."""
        if self._audit_days is not None:
            await self._pool.execute("SELECT prune_audit($1, $2)", self._audit_days, _AUDITED_AT_ONCE)

    async def _erase_expired(self) -> None:
        for session in await self._sessions.expired(_AT_ONCE):
            try:
                async with self._sessions.erasing(session) as still:
                    if still:
                        await self._store.delete_prefix(session_prefix(session))
            except StorageError as error:  # one that cannot be erased now keeps nobody else's from it
                log.warning("a session is erased later", session_id=str(session), reason=error.detail)
            else:
                log.info("session erased: its time was over", session_id=str(session))
