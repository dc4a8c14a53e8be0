"""Who is next: the order of the waiting jobs, read at most once a tick however many callers ask (F18)."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from shared.database import Pool
from shared.dispatch import POSITIONS
from shared.lifecycle import JobStatus
from shared.records import JobRecord

LOOK_AHEAD: Final = 1_000


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
                rows = await self._pool.fetch(POSITIONS, LOOK_AHEAD)
                self._positions = {row["id"]: place for place, row in enumerate(rows, 1)}
                self._read_at = time.monotonic()
        return self._positions.get(job.id)
