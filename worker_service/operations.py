"""Starts a paid operation, once, or finds the one that an earlier attempt has started.

The intent is committed before the engine is asked, the name right after. Whatever falls between is settled by
looking for the operation: nothing is started again before it is certain that nothing runs (F6).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Final

from shared.database import Pool, outlast, transaction
from shared.errors import FencedError
from shared.jobs.operations import FREE, Cost, Operation, OperationRepository
from shared.jobs.staging import StagingRepository
from shared.lifecycle import Outcome, Phase
from shared.observation.logs import get_logger
from shared.records import JobRecord
from shared.transcript import Notice
from worker_service.engines.port import (
    Engine,
    NotStartedError,
    OperationEndedError,
    Plan,
    SpeechRequest,
)
from worker_service.leavings import Leavings
from worker_service.status import StatusBoard

log = get_logger(__name__)

_WITHDRAW_S: Final = 3.0  # a worker that stops has little time; the loop of loose ends is for the rest


class Operations:
    """What a run does with the operation of its job; every method raises FencedError where the job was lost."""

    def __init__(self, pool: Pool, status: StatusBoard) -> None:
        self._pool = pool
        self._rows = OperationRepository(pool)
        self._staging = StagingRepository(pool)
        self._leavings = Leavings(pool)
        self._status = status

    async def resume(self, job: JobRecord, engine: Engine) -> Operation | None:
        """The operation that an earlier attempt meant to start, if it did; None: nothing runs for this job."""
        if job.operation_prefix is None:
            return None
        operation = await self._rows.get(job.operation_prefix)
        return None if operation is None else await self.resumed(job, engine, operation)

    async def resumed(self, job: JobRecord, engine: Engine, operation: Operation) -> Operation | None:
        """The operation with its name, where it was started; else None, and it is closed."""
        name = operation.name if engine.durable else None
        if name is None and engine.durable:
            self._status.report(job, Phase.SUBMITTING, "Looking for what was started before")
            name = await engine.find(operation.prefix)
        if name is None:
            await self._forget(job, operation, Outcome.MISSING, FREE)
            return None
        return await self._started(job, operation, name)

    async def start(
        self, job: JobRecord, engine: Engine, request: SpeechRequest, plan: Plan, notices: Sequence[Notice]
    ) -> Operation:
        """Stage the audio and start an operation, once; `notices` are kept for whichever attempt saves.

        Raises what the engine raises. After anything but a refusal a later attempt looks for the operation.
        """
        async with self.staging(job, engine):
            self._status.report(job, Phase.UPLOADING, "Handing the audio to the speech engine")
            staged = await engine.stage(request)
            self._status.report(job, Phase.SUBMITTING, "Starting the speech engine")
            operation = await self._rows.intend(
                job,
                request.prefix,
                model=plan.model,
                audio_ms=request.duration_ms,
                notices=notices,
                expected=plan.cost,
            )
            if operation is None:
                raise FencedError
        return await self.submit(job, engine, operation, request, staged)

    async def submit(
        self, job: JobRecord, engine: Engine, operation: Operation, request: SpeechRequest, staged: str
    ) -> Operation:
        """Start an operation that is written down, once; as `start`."""
        try:
            name = await engine.submit(request, staged)
        except NotStartedError as refusal:
            await self._forget(job, operation, Outcome.REFUSED, FREE)
            await self.discard(engine, operation.prefix, [operation])
            raise refusal.error from refusal
        return await self._started(job, operation, name)

    async def ended(
        self, job: JobRecord, engine: Engine, operation: Operation, end: OperationEndedError
    ) -> None:
        """Book what an operation without a result has cost, and let the next attempt start another."""
        await self._forget(job, operation, Outcome.FAILED, end.cost)
        await self.discard(engine, operation.prefix, [operation])

    @asynccontextmanager
    async def staging(self, job: JobRecord, engine: Engine) -> AsyncIterator[None]:
        """Around the block that goes from staging to the intent: delete what was staged where it breaks off.

        Nothing of it was submitted, and a later attempt stages its own. Where nobody knows whether the intent was
        committed, its operation is looked for as always, and not found. Where the worker dies in the block, or
        cannot delete now, the loop of loose ends knows of it.
        """
        if engine.durable and not await self._staging.begin(job):
            raise FencedError
        try:
            yield
        except BaseException:
            with suppress(TimeoutError):
                async with asyncio.timeout(_WITHDRAW_S):
                    await self._leavings.unstage(engine, job.id, job.attempt)
            raise

    async def discard(self, engine: Engine, prefix: str, operations: Sequence[Operation]) -> None:
        """Leave nothing below the prefix with the engine, where these operations lie, which are closed."""
        await self._leavings.discard(engine, prefix, operations)

    async def _started(self, job: JobRecord, operation: Operation, name: str) -> Operation:
        if not await outlast(lambda: self._rows.started(job, operation, name)):
            raise FencedError
        log.info("operation runs", job_id=str(job.id), attempt=job.attempt, operation=name)
        return replace(operation, name=name)

    async def _forget(self, job: JobRecord, operation: Operation, outcome: Outcome, cost: Cost) -> None:
        async def forget() -> bool:
            async with transaction(self._pool) as connection:
                return await self._rows.forget(connection, job, operation, outcome, cost)

        if not await outlast(forget):
            raise FencedError
