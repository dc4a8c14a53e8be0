"""Stops operations that nobody waits for any more, books what they cost, and deletes what is left of any.

A loose end is an operation that is open although no active job points to it: its job was cancelled, deleted or
given up, or two attempts overlapped. The run that notices ties it up at once; this loop finds the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

from redis.exceptions import RedisError

from shared.database import AWAY, Pool, transaction
from shared.errors import TranscriptsError
from shared.jobs.operations import FREE, Operation, OperationRepository
from shared.jobs.staging import Staging, StagingRepository
from shared.lifecycle import Outcome
from shared.observation.logs import get_logger
from worker_service.engines.port import Engine, StillRunningError
from worker_service.leavings import Leavings

log = get_logger(__name__)

_AT_ONCE: Final = 10
_LEFT_S: Final = 60.0  # how long the run that closed an operation has to discard what it left


class LooseEnds:
    """Ties up the loose ends of the engines that this worker has."""

    def __init__(self, pool: Pool, engines: Mapping[str, Engine]) -> None:
        self._pool = pool
        self._rows = OperationRepository(pool)
        self._staging = StagingRepository(pool)
        self._leavings = Leavings(pool)
        self._engines = engines
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def run(self, *, every_s: float, take_turn: Callable[[float], Awaitable[bool]]) -> None:
        """Tie up every interval until cancelled; `take_turn(seconds)` says whether it is this worker that does."""
        while True:
            try:
                if await take_turn(every_s):
                    await self.tie_up()
                    await self.clear()
                    await self.unstage()
            except (*AWAY, RedisError) as error:
                log.warning("loose ends put off", reason=repr(error))
            await asyncio.sleep(every_s)

    async def tie_up(self, job_id: UUID | None = None) -> int:
        """Stop and close what is loose, perhaps of one job only; returns how many were closed.

        What cannot be stopped now stays open: it is tried again at the next turn.
        """
        loose = await self._rows.loose(list(self._engines), job_id)
        return sum(await asyncio.gather(*map(self._try_to_stop, loose)))

    async def clear(self, *, older_than_s: float = _LEFT_S) -> int:
        """Delete what closed operations have left in their engine's store; returns of how many."""
        left = await self._rows.leftovers(list(self._engines), older_than_s=older_than_s)
        return sum(await asyncio.gather(*map(self._discard, left)))

    async def unstage(self, *, older_than_s: float = _LEFT_S) -> int:
        """Delete what attempts have staged that ended before they meant to start anything; returns of how many."""
        left = await self._staging.abandoned(list(self._engines), older_than_s=older_than_s)
        return sum(await asyncio.gather(*map(self._unstage, left)))

    async def _unstage(self, staging: Staging) -> bool:
        async with self._slots:
            return await self._leavings.unstage(
                self._engines[staging.engine], staging.job_id, staging.attempt
            )

    async def _discard(self, operation: Operation) -> bool:
        async with self._slots:
            return await self._leavings.discard(
                self._engines[operation.engine], operation.prefix, [operation]
            )

    async def _try_to_stop(self, operation: Operation) -> bool:
        try:
            async with self._slots:
                await self._stop(operation)
            await self._discard(operation)
        except (StillRunningError, TranscriptsError, *AWAY) as error:
            log.warning("an operation could not be stopped yet", prefix=operation.prefix, reason=repr(error))
            return False
        return True

    async def _stop(self, operation: Operation) -> None:
        engine = self._engines[operation.engine]
        name = operation.name or await engine.find(operation.prefix)
        outcome, cost = Outcome.MISSING, FREE
        if name is not None:
            outcome, cost = Outcome.CANCELLED, await engine.cancel(name, operation.audio_ms)
        async with transaction(self._pool) as connection:
            await self._rows.close(connection, operation, outcome, cost)
        log.info(
            "operation stopped: nobody waits for it",
            prefix=operation.prefix,
            operation=name,
            micro_dollars=cost.micro_dollars,
        )
