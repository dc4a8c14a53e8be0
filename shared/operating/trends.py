"""How the work went over time, across tenants: ends, waits, runs and spend by interval, for charts.

Read from the jobs and the ledger as they stand, so nothing is sampled and nothing is lost with a process. Jobs go with
the sessions that are erased, and then leave the past too; what they cost stays.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.database import Pool
from shared.operating.operators import MEASURES
from shared.periods import Span
from shared.records import Row


@dataclass(frozen=True, slots=True)
class Grid:
    """A span and its intervals."""

    whole: timedelta
    step: timedelta


GRIDS: Final = {
    Span.HOUR: Grid(timedelta(hours=1), timedelta(minutes=1)),
    Span.DAY: Grid(timedelta(days=1), timedelta(minutes=15)),
    Span.WEEK: Grid(timedelta(days=7), timedelta(hours=2)),
    Span.MONTH: Grid(timedelta(days=30), timedelta(hours=8)),
}

_TRENDS: Final = f"""
WITH line AS (
    SELECT generate_series(date_bin($2, now() - $1::interval, 'epoch') + $2::interval, now(), $2) AS at
), ended AS (
    SELECT date_bin($2, finished_at, 'epoch') AS at, count(*) FILTER (WHERE status = 'succeeded')::int AS succeeded,
        count(*) FILTER (WHERE status = 'failed')::int AS failed,
        count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled, {MEASURES}
    FROM (SELECT status, finished_at, extract(epoch FROM started_at - created_at) * 1000 AS wait,
            extract(epoch FROM finished_at - started_at) * 1000 AS run
        FROM job WHERE finished_at >= (SELECT min(at) FROM line)) j GROUP BY 1
), spent AS (
    SELECT date_bin($2, created_at, 'epoch') AS at, sum(micro_dollars)::bigint AS micro_dollars,
        sum(audio_ms)::bigint AS audio_ms
    FROM usage WHERE created_at >= (SELECT min(at) FROM line) GROUP BY 1
)
SELECT at, coalesce(succeeded, 0) AS succeeded, coalesce(failed, 0) AS failed, coalesce(cancelled, 0) AS cancelled,
    wait_p50_ms, wait_p95_ms, run_p50_ms, run_p95_ms, coalesce(micro_dollars, 0) AS micro_dollars,
    coalesce(audio_ms, 0) AS audio_ms
FROM line LEFT JOIN ended USING (at) LEFT JOIN spent USING (at) ORDER BY at
"""  # noqa: S608  (the parts are constants)


class Trends:
    """Reads the past."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rows(self, span: Span) -> list[Row]:
        """One row an interval, oldest first, those without an event too; the last one is not over yet."""
        grid = GRIDS[span]
        return list(await self._pool.fetch(_TRENDS, grid.whole, grid.step))
