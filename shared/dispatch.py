"""Which waiting jobs go into the queue next: as many as workers have places, and tenants in turn.

Jobs wait in Postgres. Redis holds those that run or could run at once, so a tenant who sends a thousand recordings
does not stand a thousand places ahead of another's first. Among tenants the one with the fewest jobs in flight is
next, and among equals the one that was served longest ago; within a tenant, priority and age decide (`job.place`).
"""

import asyncio
from typing import Any, Final

from shared.database import AWAY, Pool, transaction
from shared.errors import QueueUnavailableError
from shared.lifecycle import Priority
from shared.logs import get_logger
from shared.ports import JobQueue, Ring
from shared.records import Row

log = get_logger(__name__)

WORKER_SEEN_S: Final = 15
"""A worker beats every 3 s; one that has missed five beats has no places any more."""

_WAITING: Final = "status = 'queued' AND rung_at IS NULL"
_IN_FLIGHT: Final = "(status = 'running' OR status = 'queued' AND rung_at IS NOT NULL)"
_DUE: Final = "(next_attempt_at IS NULL OR next_attempt_at <= now())"
_ORDER: Final = "turn, served_at NULLS FIRST, place, id"
_NO_LIMIT: Final = 2**31 - 1
_LOCK: Final = 0x7472616E736372  # one dispatch at a time in this database: two would fill the same places

# `turn`: how many jobs its tenant will have in flight with it. Tenants are found by skipping through the index from
# one to the next, so a thousand waiting jobs of one tenant cost no more than one.
_LINE: Final = f"""
WITH RECURSIVE tenants AS (
    (SELECT tenant_id FROM job WHERE {_WAITING} ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT n.tenant_id FROM tenants t CROSS JOIN LATERAL (
        SELECT tenant_id FROM job WHERE {_WAITING} AND tenant_id > t.tenant_id ORDER BY tenant_id LIMIT 1) n
), busy AS (
    SELECT tenant_id, count(*) FILTER (WHERE {_DUE}) AS turns, count(*) AS held
    FROM job WHERE {_IN_FLIGHT} GROUP BY tenant_id
), places AS (
    SELECT greatest(coalesce(sum(max_jobs), 0) - (SELECT coalesce(sum(turns), 0) FROM busy), 0)::bigint AS free
    FROM worker
    WHERE stopped_at IS NULL AND NOT draining AND seen_at > now() - {WORKER_SEEN_S} * interval '1 second'
        AND NOT EXISTS (SELECT 1 FROM queue_pause)
), line AS (
    SELECT w.id, w.place, s.served_at,
        coalesce(b.turns, 0) + row_number() OVER (PARTITION BY t.tenant_id ORDER BY w.place, w.id) AS turn
    FROM tenants t LEFT JOIN busy b USING (tenant_id) CROSS JOIN LATERAL (
        SELECT max(rung_at) AS served_at FROM job WHERE tenant_id = t.tenant_id) s CROSS JOIN LATERAL (
        SELECT id, place FROM job WHERE {_WAITING} AND tenant_id = t.tenant_id ORDER BY place, id
        LIMIT greatest({{most}}, 0)) w
)
"""  # noqa: S608  (the parts are constants)
_PROMOTE: Final = f"""
{_LINE.format(most="least((SELECT free FROM places), $1 - coalesce(b.held, 0))")}
UPDATE job SET rung_at = now()
FROM (SELECT id FROM line ORDER BY {_ORDER} LIMIT (SELECT free FROM places)) next
WHERE job.id = next.id AND {_WAITING} RETURNING job.id, priority, request_id, traceparent
"""  # noqa: S608
POSITIONS: Final = f"""
{_LINE.format(most="$1::bigint")}
SELECT id FROM (
    SELECT id, 0 AS turn, NULL AS served_at, place
    FROM job WHERE status = 'queued' AND rung_at IS NOT NULL AND {_DUE}
    UNION ALL SELECT id, turn, served_at, place FROM line
) everyone ORDER BY {_ORDER} LIMIT $1
"""  # noqa: S608
"""The ids of the jobs that wait, in the order in which they will be taken; $1: how many, at most."""


def ring_of(row: Row) -> Ring:
    """The ring for a job that could run now, of a row with its id, priority and traces."""
    return Ring(row["id"], Priority(row["priority"]), None, row["request_id"], row["traceparent"])


class Dispatcher:
    """Moves jobs from waiting to the queue. Every process that frees or fills a place asks it to."""

    def __init__(self, pool: Pool, queue: JobQueue, *, tenant_limit: int | None = None) -> None:
        """`tenant_limit`: how many jobs of one tenant may be in flight; None: as many as there are places."""
        self._pool = pool
        self._queue = queue
        self._limit = tenant_limit or _NO_LIMIT
        self._one_at_a_time = asyncio.Lock()
        self._next: asyncio.Task[int] | None = None
        self._pokes: set[asyncio.Task[None]] = set()

    async def dispatch(self) -> int:
        """Fill the free places; returns how many jobs went into the queue. Callers at the same time share a round.

        Raises QueueUnavailableError when Redis is away: what was chosen is rung for by the sweep.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._round())
        return await asyncio.shield(self._next)

    def poke(self) -> None:
        """Dispatch soon, without waiting for it; a store that is away is left to the sweep."""
        task = asyncio.create_task(self._quietly())
        self._pokes.add(task)
        task.add_done_callback(self._pokes.discard)

    async def _round(self) -> int:
        async with self._one_at_a_time:
            self._next = None  # who comes from now on has seen something that this round may not see
            rows = await self._promote()
        if rows:
            await self._queue.ring([ring_of(row) for row in rows])
        return len(rows)

    async def _promote(self) -> list[Any]:
        async with transaction(self._pool) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            return list(await connection.fetch(_PROMOTE, self._limit))

    async def _quietly(self) -> None:
        try:
            await self.dispatch()
        except (QueueUnavailableError, *AWAY) as error:
            log.warning("not dispatched, left to the sweep", reason=repr(error))
