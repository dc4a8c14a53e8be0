"""Rings for jobs that are committed; a bell that is not heard costs time, never the job."""

import asyncio
from typing import Final

from shared.errors import QueueUnavailableError
from shared.logs import get_logger
from shared.ports import JobQueue, Ring
from shared.records import JobRecord

log = get_logger(__name__)

_PATIENCE_S: Final = 2.0  # the caller waits for the ring; the sweep is there for what takes longer


class Bell:
    """The queue, as far as the API uses it."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def ring(self, job: JobRecord) -> None:
        """Ring for a committed job; a queue that is away is logged, and the workers' sweep rings later (F2, F11)."""
        ring = Ring(job.id, job.priority, None, job.request_id, job.traceparent)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._queue.ring([ring])
        except (QueueUnavailableError, TimeoutError) as error:
            log.warning("not rung, left to the sweep", job_id=str(job.id), reason=repr(error))
