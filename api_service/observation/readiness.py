"""What the service needs, looked at one by one; each check says what it saw (F36)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from arq.connections import ArqRedis

from shared.database import Pool, check_schema
from shared.errors import TranscriptsError
from shared.jobs.dispatch import WORKER_SEEN_S
from shared.patience import within
from shared.queue.client import refuse_eviction
from shared.schemas.service import Check, Readiness

_PATIENCE_S: Final = 2.0
_INFORMATION: Final = frozenset({"workers"})  # uploads are taken without any

_WORKERS: Final = f"""
SELECT count(*) AS workers, coalesce(sum(max_jobs), 0) AS places, coalesce(sum(running), 0) AS running
FROM worker WHERE stopped_at IS NULL AND seen_at > now() - {WORKER_SEEN_S} * interval '1 second'
"""  # noqa: S608  (the part is a constant)


class ReadinessChecks:
    """Looks at Postgres, its schema, Redis, its policy, and for workers."""

    def __init__(self, pool: Pool, redis: ArqRedis) -> None:
        self._pool = pool
        self._redis = redis

    async def look(self) -> Readiness:
        """Look at everything at once; never raises."""
        looks = {
            "postgres": self._postgres,
            "schema": self._schema,
            "redis": self._redis_answers,
            "redis_policy": self._policy,
            "workers": self._workers,
        }
        found = await asyncio.gather(*(_checked(look) for look in looks.values()))
        checks = dict(zip(looks, found, strict=True))
        ready = all(check.ok for name, check in checks.items() if name not in _INFORMATION)
        return Readiness(status="ready" if ready else "unready", checks=checks)

    async def _postgres(self) -> str:
        await self._pool.fetchval("SELECT 1")
        return "answers"

    async def _schema(self) -> str:
        await check_schema(self._pool)
        return "is the one that this version needs"

    async def _redis_answers(self) -> str:
        await self._redis.ping()
        return "answers"

    async def _policy(self) -> str:
        await refuse_eviction(self._redis)
        return "noeviction"

    async def _workers(self) -> str:
        row = await self._pool.fetchrow(_WORKERS)
        if row is None or not row["workers"]:
            raise TranscriptsError("No worker was seen in the last 15 s: jobs are taken, and wait for one.")
        return f"{row['workers']} seen in the last 15 s, running {row['running']} of {row['places']} jobs"


async def _checked(look: Callable[[], Coroutine[Any, Any, str]]) -> Check:
    try:
        return Check(ok=True, detail=await within(_PATIENCE_S, look()))
    except TranscriptsError as error:
        return Check(ok=False, detail=error.detail)
    except TimeoutError:
        return Check(ok=False, detail=f"does not answer within {_PATIENCE_S:.0f} s")
    except Exception as error:  # noqa: BLE001  (a check reports whatever is wrong; messages may hold addresses)
        return Check(ok=False, detail=f"does not answer ({type(error).__name__})")
