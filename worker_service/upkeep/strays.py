"""Jobs that Postgres says are running here, and that this worker does not hold: a run that ended in no foreseen way.

The sweep finds the jobs of dead workers; a living one answers for its own. Such a job is rung for, so that the claim
takes it over as it does a dead worker's, within a minute (F1).
"""

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

from shared.database import AWAY, Pool
from shared.errors import QueueUnavailableError
from shared.jobs.dispatch import ring_of
from shared.observation.logs import get_logger
from shared.ports import JobQueue

log = get_logger(__name__)

_MINE: Final = """
SELECT j.id, j.priority, j.request_id, j.traceparent, w.lane FROM job j JOIN worker w ON w.id = j.worker
WHERE j.worker = $1 AND j.status = 'running' AND NOT j.id = ANY($2::uuid[])
"""


class Strays:
    """Looks for this worker's own strays."""

    def __init__(
        self, pool: Pool, queue: JobQueue, *, worker: str, held: Callable[[], list[str]], every_s: float
    ) -> None:
        """`held`: the ids of the jobs that this worker holds now."""
        self._pool = pool
        self._queue = queue
        self._worker = worker
        self._held = held
        self._every_s = every_s
        self._suspects: frozenset[UUID] = frozenset()

    async def run(self) -> None:
        """Look every interval until cancelled; a store that is away is tried again."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except (QueueUnavailableError, *AWAY) as error:
                log.warning("own jobs not looked over, trying again", reason=repr(error))

    async def look(self) -> int:
        """Ring for those that were strays at the last look already: a claim may be under way. Returns how many."""
        rows = await self._pool.fetch(_MINE, self._worker, [UUID(job) for job in self._held()])
        strays = [
            row for row in rows if row["id"] in self._suspects and str(row["id"]) not in set(self._held())
        ]
        self._suspects = frozenset(row["id"] for row in rows)
        if strays:
            log.error(
                "runs left their jobs running; they are taken over",
                jobs=[str(r["id"]) for r in strays],
            )
            await self._queue.ring([ring_of(row) for row in strays])
        return len(strays)
