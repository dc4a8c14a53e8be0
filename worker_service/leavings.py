"""Deletes what attempts have left in an engine's store, and notes that it is gone; what fails now is done later."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from shared.database import AWAY, Pool
from shared.errors import TranscriptsError
from shared.jobs.operations import Operation, OperationRepository
from shared.jobs.staging import StagingRepository
from shared.observation.logs import get_logger
from worker_service.engines.port import Engine, outputs

log = get_logger(__name__)


class Leavings:
    """Files in the stores of engines, and the rows that tell of them."""

    def __init__(self, pool: Pool) -> None:
        self._operations = OperationRepository(pool)
        self._staging = StagingRepository(pool)

    async def discard(self, engine: Engine, prefix: str, operations: Sequence[Operation]) -> bool:
        """Leave nothing below the prefix with the engine, where these operations lie, which are closed.

        False where it cannot be deleted or noted now: the loop of loose ends comes to it again.
        """
        return await _gone(engine, prefix, lambda: self._operations.discarded(operations))

    async def unstage(self, engine: Engine, job_id: UUID, attempt: int) -> bool:
        """Leave nothing that an attempt has staged and started nothing on; False as in `discard`."""
        return await _gone(engine, outputs(job_id, attempt), lambda: self._staging.end(job_id, attempt))


async def _gone(engine: Engine, prefix: str, note: Callable[[], Awaitable[None]]) -> bool:
    try:
        await engine.discard(prefix)
        await note()
    except (TranscriptsError, *AWAY) as error:
        log.warning("files are still in the engine's store", prefix=prefix, reason=repr(error))
        return False
    return True
