"""Gauges for alarms: what stands still, runs out or fills up, looked at no more often than alarms are evaluated."""

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from arq.connections import ArqRedis
from prometheus_client import CollectorRegistry, Gauge
from redis.exceptions import RedisError

from shared.database import AWAY, Pool
from shared.observation.logs import get_logger
from shared.operating.alarms import Alarms
from shared.patience import within

log = get_logger(__name__)

_MAX_AGE_S: Final = 10.0
_REDIS_S: Final = 2.0
_ROWS_S: Final = 2.0


class AlarmGauges:
    """The gauges, in the registry of the API's metrics; the same in every API process, but for the disk."""

    def __init__(
        self, registry: CollectorRegistry, pool: Pool, redis: ArqRedis, disks: Mapping[str, Path]
    ) -> None:
        """`disks`: folders to watch, by the name that their label gets."""
        self._alarms = Alarms(pool)
        self._redis = redis
        self._disks = disks
        self._looked_at = -_MAX_AGE_S

        def gauge(name: str, description: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(f"transcripts_{name}", description, labels, registry=registry)

        self._stuck = gauge("jobs_stuck", "Running jobs whose worker has been gone for a minute")
        self._budget = gauge(
            "budget_used_ratio", "What the tenant nearest to its monthly budget has used of it"
        )
        self._webhooks = gauge("webhooks_late_seconds", "How long the oldest due webhook has waited")
        self._redis_up = gauge("redis_up", "0 while Redis does not answer")
        self._redis_used = gauge("redis_used_memory_bytes", "Memory that Redis uses")
        self._redis_max = gauge("redis_max_memory_bytes", "Memory that Redis may use; 0: any")
        self._redis_evicts = gauge("redis_evicts", "1 where Redis may throw keys of the queue away")
        self._free = gauge("disk_free_bytes", "Free space of the disk with a folder of ours", ("what",))
        self._size = gauge("disk_size_bytes", "Size of that disk", ("what",))

    async def look(self) -> None:
        """Look at everything again, unless that was done a moment ago."""
        if time.monotonic() - self._looked_at < _MAX_AGE_S:
            return
        self._looked_at = time.monotonic()
        await asyncio.gather(self._look_at_rows(), self._look_at_redis(), self._look_at_disks())

    async def _look_at_rows(self) -> None:
        try:
            row = await within(_ROWS_S, self._alarms.read())
        except AWAY as error:
            log.warning("alarms cannot be read for the metrics", reason=repr(error))
            return
        self._stuck.set(row["stuck"])
        self._budget.set(row["budget_used"])
        self._webhooks.set(row["webhooks_late_s"])

    async def _look_at_redis(self) -> None:
        try:
            async with asyncio.timeout(_REDIS_S):
                memory: dict[str, Any] = await self._redis.info("memory")
        except (RedisError, OSError) as error:
            log.warning("Redis cannot be read for the metrics", reason=repr(error))
            self._redis_up.set(0)
            return
        self._redis_up.set(1)
        self._redis_used.set(memory.get("used_memory", 0))
        self._redis_max.set(memory.get("maxmemory", 0))
        self._redis_evicts.set(memory.get("maxmemory_policy", "noeviction") != "noeviction")

    async def _look_at_disks(self) -> None:
        for what, folder in self._disks.items():
            try:  # in a thread: a network's disk may be slow to answer
                usage = await asyncio.to_thread(shutil.disk_usage, folder)
            except OSError:  # it is made with the first recording
                continue
            self._free.labels(what).set(usage.free)
            self._size.labels(what).set(usage.total)
