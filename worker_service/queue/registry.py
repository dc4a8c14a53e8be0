"""This worker's row in the table of workers: who it is, how much it holds, and that it is alive."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Final

from shared.database import AWAY, Pool
from shared.observation.logs import get_logger
from shared.queue.names import lane
from shared.version import installed_version

log = get_logger(__name__)

BEAT_S: Final = 3.0
_GOODBYE_S: Final = 0.5

_BEAT: Final = """
INSERT INTO worker (id, host, pid, version, max_jobs, engines, lane, tasks, running, draining)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE SET seen_at = now(), running = excluded.running, draining = excluded.draining
RETURNING drain_requested
"""


class Registry:
    """Keeps one row alive; the sweep takes a worker whose row is old for dead."""

    def __init__(
        self,
        pool: Pool,
        *,
        worker: str,
        max_jobs: int,
        engines: Sequence[str],
        tasks: Sequence[str],
        running: Callable[[], int],
        draining: Callable[[], bool],
        drain: Callable[[], None],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`running` and `draining` are asked at every beat; `drain` is called when an operator asks for it.

        `beat` is told each time round, whether or not the database was there: that the worker is alive.
        """
        self._told = beat
        self._pool = pool
        self._worker = worker
        self._max_jobs = max_jobs
        self._engines = list(engines)
        self._tasks = list(tasks)
        self._running = running
        self._draining = draining
        self._drain = drain

    async def sign_on(self) -> None:
        """Write the row; call before the first claim."""
        if await self._beat() and not self._draining():
            self._drain()

    async def run(self) -> None:
        """Beat until cancelled; a database that is away is tried again."""
        while True:
            try:
                if await self._beat() and not self._draining():
                    self._drain()
            except AWAY as error:
                log.warning("heartbeat not written, trying again", reason=repr(error))
            self._told()
            await asyncio.sleep(BEAT_S)

    async def _beat(self) -> bool:
        """Write the row, whole: one that got lost with its database is there again. Returns whether to drain."""
        asked = await self._pool.fetchval(
            _BEAT, self._worker, socket.gethostname(), os.getpid(), installed_version(), self._max_jobs, self._engines,
            lane(self._engines), self._tasks, self._running(), self._draining(),
        )  # fmt: skip
        return bool(asked)

    async def sign_off(self) -> None:
        """Say that the worker has stopped, so that nobody waits for it."""
        try:
            await self._pool.execute(
                "UPDATE worker SET seen_at = now(), stopped_at = now(), running = 0 WHERE id = $1",
                self._worker,
                timeout=_GOODBYE_S,
            )
        except AWAY as error:
            log.warning("not signed off; the row will be taken for dead", reason=repr(error))
