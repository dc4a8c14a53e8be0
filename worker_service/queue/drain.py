"""Draining: a worker that an operator takes away ends what it runs, claims no more, and stops."""

import asyncio
from typing import Final

from shared.observation.logs import get_logger
from worker_service.queue.leases import LeaseWorker

log = get_logger(__name__)

_LOOK_S: Final = 0.2


class Drain:
    """What an operator's request does to a worker; SIGTERM does not wait for runs, this does."""

    def __init__(self, worker: LeaseWorker) -> None:
        self._worker = worker
        self._asked = asyncio.Event()

    def begin(self) -> None:
        """Claim no more jobs from now on."""
        log.info("draining: running jobs are ended, no more are claimed", jobs=self._worker.jobs_running)
        self._worker.allow_pick_jobs = False
        self._asked.set()

    async def run(self) -> None:
        """Wait to be asked, then until nothing runs, then stop the worker."""
        await self._asked.wait()
        while self._worker.jobs_running:  # noqa: ASYNC110  (seldom, and not worth an event at the end of each run)
            await asyncio.sleep(_LOOK_S)
        self._worker.stop()
