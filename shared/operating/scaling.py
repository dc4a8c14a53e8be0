"""What a scaler needs to know: jobs that could run, the places there are, and the places that would be used.

A place is what a running job takes of a worker (`max_jobs` is how many a worker has). CPU says nothing here: a worker
that waits for a cloud service is idle at any load.
"""

from typing import Final

from shared.database import Pool
from shared.jobs.dispatch import TAKES_JOBS
from shared.records import Row

_NO_LIMIT: Final = 2**31 - 1
_DUE: Final = "status = 'queued' AND (next_attempt_at IS NULL OR next_attempt_at <= now())"
# Of a tenant that may have so many jobs in flight, no more than those want a place; a paused queue lets none in.
# The empty name is the row of all engines: a tenant's limit, and a worker of two engines, count once there; jobs that
# no worker runs want no place of those that there are, unless there are none at all.
_SIGNAL: Final = f"""
WITH alive AS (
    SELECT w.engines, w.max_jobs, greatest(w.max_jobs - coalesce(j.running, 0), 0) AS free
    FROM worker w LEFT JOIN (
        SELECT worker, count(*) AS running FROM job WHERE status = 'running' GROUP BY worker) j ON j.worker = w.id
    WHERE {TAKES_JOBS}
), places AS (
    SELECT '' AS engine, count(*) AS workers, sum(max_jobs) AS places, sum(free) AS free FROM alive
    UNION ALL SELECT offered, count(*), sum(max_jobs), sum(free)
    FROM alive CROSS JOIN LATERAL jsonb_array_elements_text(engines) AS offered GROUP BY offered
), tenants AS (
    SELECT coalesce(engine, '') AS engine,
        count(*) FILTER (WHERE status = 'running') AS running,
        count(*) FILTER (WHERE {_DUE}) AS due,
        count(*) FILTER (WHERE {_DUE} AND (EXISTS (SELECT 1 FROM places p WHERE p.engine = job.engine)
            OR NOT EXISTS (SELECT 1 FROM alive))) AS due_served,
        count(*) FILTER (WHERE status = 'queued' AND next_attempt_at > now()) AS deferred,
        count(*) FILTER (WHERE status = 'queued' AND next_attempt_at > now() AND rung_at IS NOT NULL) AS held,
        min(queued_at) FILTER (WHERE {_DUE}) AS oldest
    FROM job WHERE status IN ('queued', 'running') GROUP BY GROUPING SETS ((engine, tenant_id), (tenant_id))
), jobs AS (
    SELECT engine, sum(running) AS running, sum(due) AS due, sum(deferred) AS deferred, min(oldest) AS oldest,
        sum(running + CASE WHEN EXISTS (SELECT 1 FROM queue_pause) THEN 0
            ELSE least(CASE engine WHEN '' THEN due_served ELSE due END,
                greatest($1 - running - held, 0)) END) AS wanted
    FROM tenants GROUP BY engine
)
SELECT engine, coalesce(due, 0)::int AS due, coalesce(running, 0)::int AS running,
    coalesce(deferred, 0)::int AS deferred,
    greatest(coalesce(extract(epoch FROM now() - oldest) * 1000, 0), 0)::bigint AS oldest_due_ms,
    coalesce(workers, 0)::int AS workers, coalesce(places, 0)::int AS places, coalesce(free, 0)::int AS places_free,
    coalesce(wanted, 0)::int AS places_wanted, EXISTS (SELECT 1 FROM queue_pause) AS paused
FROM jobs FULL JOIN places USING (engine) ORDER BY engine
"""  # noqa: S608  (the parts are constants)


class ScalingSignal:
    """Reads the signal, in one statement over the active jobs and the workers."""

    def __init__(self, pool: Pool, *, tenant_limit: int | None = None) -> None:
        """`tenant_limit`: how many jobs of one tenant may be in flight (TRANSCRIPTS_TENANT_MAX_RUNNING)."""
        self._pool = pool
        self._limit = tenant_limit or _NO_LIMIT

    async def read(self) -> tuple[Row, dict[str, Row]]:
        """The whole service, and each engine that has jobs or workers, by its name."""
        rows: dict[str, Row] = {
            str(row["engine"]): row for row in await self._pool.fetch(_SIGNAL, self._limit)
        }
        return rows.pop(""), rows
