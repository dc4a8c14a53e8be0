"""This worker's row in the table of workers: who it is, how much it holds, and that it is alive."""

import asyncio
import os
import socket
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from shared.database import AWAY, Pool
from shared.logs import get_logger

log = get_logger(__name__)

BEAT_S: Final = 3.0


class Registry:
    """Keeps one row alive; the sweep takes a worker whose row is old for dead."""

    def __init__(
        self,
        pool: Pool,
        *,
        worker: str,
        max_jobs: int,
        running: Callable[[], int],
        draining: Callable[[], bool],
    ) -> None:
        self._pool = pool
        self._worker = worker
        self._max_jobs = max_jobs
        self._running = running
        self._draining = draining

    async def sign_on(self) -> None:
        """Write the row; call before the first claim."""
        await self._pool.execute(
            "INSERT INTO worker (id, host, pid, version, max_jobs) VALUES ($1, $2, $3, $4, $5)",
            self._worker, socket.gethostname(), os.getpid(), _version(), self._max_jobs,
        )  # fmt: skip

    async def run(self) -> None:
        """Beat until cancelled; a database that is away is tried again."""
        while True:
            try:
                await self._pool.execute(
                    "UPDATE worker SET seen_at = now(), running = $2, draining = $3 WHERE id = $1",
                    self._worker, self._running(), self._draining(),
                )  # fmt: skip
            except AWAY as error:
                log.warning("heartbeat not written, trying again", reason=repr(error))
            await asyncio.sleep(BEAT_S)

    async def sign_off(self) -> None:
        """Say that the worker has stopped, so that nobody waits for it."""
        try:
            await self._pool.execute(
                "UPDATE worker SET seen_at = now(), stopped_at = now(), running = 0 WHERE id = $1",
                self._worker,
            )
        except AWAY as error:
            log.warning("not signed off; the row will be taken for dead", reason=repr(error))


def _version() -> str:
    try:
        return version("coaching-transcripts")
    except PackageNotFoundError:
        return "unknown"
