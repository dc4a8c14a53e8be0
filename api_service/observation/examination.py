"""The doctor's look at what the API itself reaches: Redis, the object store, Postgres, workers, the queue.

`python -m deploy.doctor` looks further: at the settings of workers, speech models, disks, and at Google's side.
"""

import asyncio
from collections.abc import Awaitable

from arq.connections import ArqRedis

from shared.database import AWAY, Pool
from shared.errors import TranscriptsError
from shared.examination import stores, work
from shared.examination.findings import Finding, Grade, told
from shared.observation.logs import get_logger
from shared.operating.operators import Operators
from shared.settings import ApiSettings

log = get_logger(__name__)

_PATIENCE_S = 10.0


class Examination:
    """Looks at everything at once; a part that is away is a finding."""

    def __init__(self, settings: ApiSettings, pool: Pool, redis: ArqRedis) -> None:
        self._settings = settings
        self._pool = pool
        self._redis = redis

    async def look(self) -> list[Finding]:
        """What was found, in the order in which parts depend on each other."""
        operators = Operators(self._pool)
        looks = {
            "Postgres": stores.postgres(self._settings, self._pool),
            "Redis": stores.redis(self._settings, self._redis),
            "storage": stores.storage(self._settings),
            "workers": work.workers(operators),
            "queue": work.queue(operators),
        }
        found = await asyncio.gather(*(_patiently(subject, look) for subject, look in looks.items()))
        return [finding for each in found for finding in each]


async def _patiently(subject: str, look: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await look
    except TranscriptsError as error:
        return [told(Grade.FAIL, "part_broken", part=subject, reason=error.detail)]
    except AWAY as error:
        log.warning("a check broke", subject=subject, reason=repr(error))
        return [told(Grade.FAIL, "part_away", part=subject, reason=type(error).__name__)]
