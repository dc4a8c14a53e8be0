"""Who is next, and which engines nobody runs: read at most once a tick however many callers ask (F18)."""

import asyncio
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from shared.database import Pool
from shared.jobs.dispatch import POSITIONS, SERVED
from shared.lifecycle import JobStatus
from shared.records import JobRecord

LOOK_AHEAD: Final = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a waiting job stands: its position (1 the next; None: far behind), and why it cannot start, if so."""

    position: int | None = None
    held_up: str | None = None


_NOT_WAITING: Final = Standing()


class QueueLine:
    """The first jobs in line, no older than `max_age_s`."""

    def __init__(self, pool: Pool, *, max_age_s: float) -> None:
        self._pool = pool
        self._max_age_s = max_age_s
        self._read_at = -max_age_s
        self._positions: Mapping[UUID, int] = {}
        self._served: Set[str] = frozenset()
        self._reading = asyncio.Lock()

    async def standing(self, job: JobRecord) -> Standing:
        """Where the job stands; nowhere where it is not due, or was queued this moment."""
        if job.status is not JobStatus.QUEUED or (job.next_attempt_at or job.queued_at) > datetime.now(UTC):
            return _NOT_WAITING
        async with self._reading:  # the first who asks reads for all
            if time.monotonic() - self._read_at >= self._max_age_s:
                await self._read()
        held_up = None
        if job.engine not in self._served:
            held_up = f"Waiting for a worker with the engine {job.engine}: none runs now, and it starts when one does"
        return Standing(self._positions.get(job.id), held_up)

    async def _read(self) -> None:
        rows = await self._pool.fetch(POSITIONS, LOOK_AHEAD)
        self._positions = {row["id"]: row["position"] for row in rows}
        self._served = {row["engine"] for row in await self._pool.fetch(SERVED)}
        self._read_at = time.monotonic()
