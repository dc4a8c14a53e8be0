"""Refuses recordings that would wait too long, before their bodies are read; what was accepted is never dropped."""

import math
from typing import Final

from shared.database import Pool
from shared.errors import OverloadedError
from shared.jobs.dispatch import TAKES_JOBS

_LONGEST_S: Final = 3_600

# Tenants take turns, so what counts is the caller's own line: how long its oldest job has waited, and how long its
# line should take at the pace of the newest runs, on its share of the places. Without a run or a place there is no
# pace, and only what has been waited for is known.
_WAIT: Final = f"""
WITH mine AS (
    SELECT count(*) AS jobs, extract(epoch FROM now() - min(queued_at))::float8 AS waited
    FROM job WHERE tenant_id = $1 AND status = 'queued' AND (next_attempt_at IS NULL OR next_attempt_at <= now())
), pace AS (
    SELECT avg(extract(epoch FROM finished_at - started_at))::float8 AS seconds
    FROM (SELECT * FROM job ORDER BY id DESC LIMIT 200) newest WHERE status = 'succeeded'
), places AS (
    SELECT sum(max_jobs)::float8 AS all FROM worker
    WHERE {TAKES_JOBS}
), sharers AS (
    SELECT count(DISTINCT tenant_id) FILTER (WHERE tenant_id <> $1) + 1 AS tenants
    FROM job WHERE status IN ('queued', 'running')
)
SELECT greatest(waited,
    CASE WHEN places.all > 0 THEN jobs * pace.seconds / least(places.all / sharers.tenants, $2) END, 0)
FROM mine, pace, places, sharers
"""  # noqa: S608  (the part is a constant)


class Admission:
    """The door of the queue."""

    def __init__(self, pool: Pool, *, max_wait_s: float | None, tenant_limit: int | None) -> None:
        """`max_wait_s`: the longest wait in line that is promised; None: everything is taken."""
        self._pool = pool
        self._max_wait_s = max_wait_s
        self._limit = float(tenant_limit or math.inf)

    async def check(self, tenant_id: str) -> None:
        """OverloadedError, with when to come back, where this tenant's next job would wait too long."""
        if self._max_wait_s is None:
            return
        wait_s = float(await self._pool.fetchval(_WAIT, tenant_id, self._limit))
        if wait_s <= self._max_wait_s:
            return
        again_s = min(max(math.ceil(wait_s - self._max_wait_s), 1), _LONGEST_S)
        raise OverloadedError(
            f"A recording sent now would wait for some {math.ceil(wait_s)} s, and this server promises at most "
            f"{self._max_wait_s:g} s. Nothing was stored; send it again in {again_s} s.",
            retry_after_s=again_s,
        )
