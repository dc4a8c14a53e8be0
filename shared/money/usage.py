"""The ledger, read: what a tenant's attempts came to, by day, engine and model. Rows outlive their sessions (F32)."""

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from shared.database import Pool

_USAGE: Final = """
SELECT (created_at AT TIME ZONE 'UTC')::date AS day, engine, model, count(*)::int AS attempts,
    sum(audio_ms)::bigint AS audio_ms, sum(billed_ms)::bigint AS billed_ms, sum(micro_dollars)::bigint AS micro_dollars,
    coalesce(sum(micro_dollars) FILTER (WHERE estimated), 0)::bigint AS estimated_micro_dollars
FROM usage
WHERE tenant_id = $1 AND created_at >= $2::date::timestamp AT TIME ZONE 'UTC'
    AND created_at < ($3::date + 1)::timestamp AT TIME ZONE 'UTC'
GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3
"""
_OF_JOB: Final = "SELECT sum(micro_dollars)::bigint FROM usage WHERE job_id = $1 AND tenant_id = $2"


@dataclass(frozen=True, slots=True)
class UsageLine:
    """What a day's attempts with one model came to; milliseconds as billed, never rounded to minutes (F34)."""

    day: date  # UTC
    engine: str
    model: str
    attempts: int
    audio_ms: int
    billed_ms: int
    micro_dollars: int
    estimated_micro_dollars: int  # the part of it for which no bill was seen


class Ledger:
    """Reads usage, each method within one tenant."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def lines(self, tenant_id: str, first: date, last: date) -> list[UsageLine]:
        """The lines of the days from `first` to `last`, both included, the newest first."""
        rows = await self._pool.fetch(_USAGE, tenant_id, first, last)
        return [UsageLine(**dict(row.items())) for row in rows]

    async def of_job(self, tenant_id: str, job_id: UUID) -> int | None:
        """What all attempts of a job came to in micro-dollars; None where none has been booked."""
        spent: int | None = await self._pool.fetchval(_OF_JOB, job_id, tenant_id)
        return spent
