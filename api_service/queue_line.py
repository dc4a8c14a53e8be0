"""Who is next: the order of the waiting jobs, read at most once a tick however many callers ask (F18)."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from shared.database import Pool
from shared.lifecycle import JobStatus, Priority
from shared.queue.envelope import rank_ms
from shared.records import JobRecord

LOOK_AHEAD: Final = 1_000

_RANKS: Final = " ".join(f"WHEN '{priority}' THEN {rank_ms(priority)}" for priority in Priority)
_LINE: Final = f"""
SELECT id FROM job
WHERE status = 'queued' AND (next_attempt_at IS NULL OR next_attempt_at <= now())
ORDER BY queued_at - CASE priority {_RANKS} END * interval '1 millisecond', id LIMIT {LOOK_AHEAD}
"""  # noqa: S608  (the parts are constants)


class QueueLine:
    """The first jobs in line, no older than `max_age_s`."""

    def __init__(self, pool: Pool, *, max_age_s: float) -> None:
        self._pool = pool
        self._max_age_s = max_age_s
        self._read_at = -max_age_s
        self._positions: Mapping[UUID, int] = {}
        self._reading = asyncio.Lock()

    async def position(self, job: JobRecord) -> int | None:
        """The job's place, 1 the next; None where it is not due, stands far behind, or was queued this moment."""
        if job.status is not JobStatus.QUEUED or (job.next_attempt_at or job.queued_at) > datetime.now(UTC):
            return None
        async with self._reading:  # the first who asks reads for all
            if time.monotonic() - self._read_at >= self._max_age_s:
                rows = await self._pool.fetch(_LINE)
                self._positions = {row["id"]: place for place, row in enumerate(rows, 1)}
                self._read_at = time.monotonic()
        return self._positions.get(job.id)
