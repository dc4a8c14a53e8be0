"""Which waiting jobs go into the queue next: as many as workers have places, and tenants in turn.

Jobs wait in Postgres. Redis holds those that run or could run at once, so a tenant who sends a thousand recordings
does not stand a thousand places ahead of another's first. Among tenants the one with the fewest jobs in flight is
next, and among equals the one that was served longest ago; within a tenant, priority and age decide (`job.place`).

Workers that run the same engines share a lane, a queue of their own in Redis; a job goes into a lane whose workers run
its engine, the one of the fewest engines that has a place. A job whose engine nobody runs waits, and holds up nobody.
"""

import asyncio
from typing import Any, Final

from shared.database import AWAY, Pool, transaction
from shared.errors import QueueUnavailableError
from shared.lifecycle import Priority
from shared.observation.logs import get_logger
from shared.ports import JobQueue, Ring
from shared.records import Row

log = get_logger(__name__)

WORKER_SEEN_S: Final = 15
"""A worker beats every 3 s; one that has missed five beats has no places any more."""

TAKES_JOBS: Final = (
    f"stopped_at IS NULL AND NOT draining AND seen_at > now() - {WORKER_SEEN_S} * interval '1 second'"
)
"""Whether a row of `worker` is of one that claims jobs."""

_WAITING: Final = "status = 'queued' AND rung_at IS NULL"
_IN_FLIGHT: Final = "(status = 'running' OR status = 'queued' AND rung_at IS NOT NULL)"
_DUE: Final = "(next_attempt_at IS NULL OR next_attempt_at <= now())"
_ORDER: Final = "turn, served_at NULLS FIRST, place, id"
_NO_LIMIT: Final = 2**31 - 1
_LOCK: Final = 0x7472616E736372  # one dispatch at a time in this database: two would fill the same places

# `turn`: how many jobs its tenant will have in flight with it. Tenants and their engines are found by skipping through
# the index from one to the next, so a thousand waiting jobs of one tenant cost no more than one.
_WAITERS: Final = f"""
WITH RECURSIVE waiters AS (
    (SELECT tenant_id, engine FROM job WHERE {_WAITING} ORDER BY tenant_id, engine LIMIT 1)
    UNION ALL
    SELECT n.tenant_id, n.engine FROM waiters t CROSS JOIN LATERAL (
        SELECT tenant_id, engine FROM job WHERE {_WAITING} AND (tenant_id, engine) > (t.tenant_id, t.engine)
        ORDER BY tenant_id, engine LIMIT 1) n
), busy AS (
    SELECT tenant_id, count(*) FILTER (WHERE {_DUE}) AS turns, count(*) AS held
    FROM job WHERE {_IN_FLIGHT} GROUP BY tenant_id
)"""  # noqa: S608  (the parts are constants)
_LINE: Final = f"""
    SELECT w.id, w.place, t.engine, s.served_at, coalesce(b.turns, 0) + row_number() OVER own AS turn,
        {{left}} - row_number() OVER own AS spare
    FROM waiters t {{engines}} LEFT JOIN busy b USING (tenant_id) CROSS JOIN LATERAL (
        SELECT max(rung_at) AS served_at FROM job WHERE tenant_id = t.tenant_id) s CROSS JOIN LATERAL (
        SELECT id, place FROM job WHERE {_WAITING} AND tenant_id = t.tenant_id AND engine = t.engine
        ORDER BY place, id LIMIT greatest({{most}}, 0)) w
    WINDOW own AS (PARTITION BY t.tenant_id ORDER BY w.place, w.id)
"""  # noqa: S608
# Lanes choose one after the other, those of the fewest engines first, each the next jobs in line that it can run: what
# the line would choose job by job, since all jobs prefer the same lanes.
_PROMOTE: Final = f"""
{_WAITERS}, alive AS (
    SELECT coalesce(lane, '') AS lane, max_jobs, engines FROM worker
    WHERE {TAKES_JOBS} AND NOT EXISTS (SELECT 1 FROM queue_pause)
), taken AS (
    SELECT coalesce(lane, '') AS lane, count(*) AS jobs FROM job WHERE {_IN_FLIGHT} AND {_DUE} GROUP BY 1
), lanes AS (
    SELECT row_number() OVER (ORDER BY cardinality(engines), lane) AS n, lane, engines,
        greatest(places - coalesce(jobs, 0), 0) AS free
    FROM (SELECT lane, sum(max_jobs) AS places FROM alive GROUP BY lane) places JOIN (
        SELECT lane, array_agg(DISTINCT engine) AS engines
        FROM alive CROSS JOIN LATERAL jsonb_array_elements_text(alive.engines) AS engine GROUP BY lane
    ) engines USING (lane) LEFT JOIN taken USING (lane)
), free AS (
    SELECT engine, sum(free)::bigint AS places FROM lanes CROSS JOIN LATERAL unnest(engines) AS engine
    WHERE free > 0 GROUP BY engine
), candidates AS ({
    _LINE.format(
        left="($1 - coalesce(b.held, 0))",
        engines="JOIN free f USING (engine)",
        most="least(f.places, $1 - coalesce(b.held, 0))",
    )
}), line AS (
    SELECT id, engine, row_number() OVER (ORDER BY {_ORDER}) AS n FROM (
        SELECT c.*, row_number() OVER (PARTITION BY engine ORDER BY {
    _ORDER
}) AS nth FROM candidates c WHERE spare >= 0
    ) c JOIN free USING (engine) WHERE nth <= places
), chosen AS (
    SELECT 0::bigint AS lane_n, '' AS lane, ARRAY[]::bigint[] AS these, ARRAY[]::bigint[] AS so_far
    UNION ALL
    SELECT l.n, l.lane, mine.ns, c.so_far || mine.ns
    FROM chosen c JOIN lanes l ON l.n = c.lane_n + 1 CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(n), '{{}}') AS ns FROM (
            SELECT n FROM line WHERE line.engine = ANY(l.engines) AND NOT n = ANY(c.so_far)
            ORDER BY n LIMIT l.free) next
    ) mine
)
UPDATE job SET rung_at = now(), lane = next.lane
FROM (SELECT line.id, c.lane FROM chosen c CROSS JOIN LATERAL unnest(c.these) AS n JOIN line USING (n)) next
WHERE job.id = next.id AND {_WAITING} RETURNING job.id, priority, request_id, traceparent, job.lane
"""  # noqa: S608
POSITIONS: Final = f"""
{_WAITERS}, line AS ({_LINE.format(left="0", engines="", most="$1::bigint")})
SELECT id, row_number() OVER (PARTITION BY engine ORDER BY {_ORDER}) AS position FROM (
    SELECT id, engine, 0 AS turn, NULL AS served_at, place
    FROM job WHERE status = 'queued' AND rung_at IS NOT NULL AND {_DUE}
    UNION ALL SELECT id, engine, turn, served_at, place FROM line
) everyone ORDER BY 2, {_ORDER} LIMIT $1
"""  # noqa: S608
"""The ids of the jobs that wait, and when each is taken among its engine's, 1 the next; $1: how many, at most."""
SERVED: Final = f"""
SELECT DISTINCT engine FROM worker CROSS JOIN LATERAL jsonb_array_elements_text(worker.engines) AS engine
WHERE {TAKES_JOBS}
"""  # noqa: S608
"""The engines that some worker runs and takes jobs for."""


def ring_of(row: Row) -> Ring:
    """The ring for a job that could run now, of a row with its id, priority, traces and lane."""
    return Ring(
        row["id"],
        Priority(row["priority"]),
        None,
        row["request_id"],
        row["traceparent"],
        row["lane"] or "",
    )


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
