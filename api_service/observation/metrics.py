"""What Prometheus reads of an API process: its requests, and the queue as Postgres has it; docs/metrics.md names all.

The gauges of the queue are the same in every API process: take one, or their maximum, never their sum.
"""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from arq.connections import ArqRedis
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from api_service.observation.alarm_gauges import AlarmGauges
from shared.database import AWAY, Pool
from shared.observation.logs import get_logger
from shared.operating.scaling import ScalingSignal
from shared.patience import within
from shared.records import Row

log = get_logger(__name__)

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
UNMATCHED: Final = "unmatched"
"""The route of requests that no route took: their paths are the callers' to choose, and would be labels without end."""

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_STATES: Final = ("running", "due", "deferred")
_MAX_AGE_S: Final = 2.0  # scrapers are many, the database is one
_PATIENCE_S: Final = 2.0  # with as much for the key, well within the 5 to 10 s that scrapers have


class ApiMetrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(
        self,
        pool: Pool,
        redis: ArqRedis,
        *,
        version: str,
        tenant_limit: int | None = None,
        disks: Mapping[str, Path] | None = None,
    ) -> None:
        """`disks`: folders whose space is watched, by name."""
        self._signal = ScalingSignal(pool, tenant_limit=tenant_limit)
        self._registry = CollectorRegistry()
        self._reading = asyncio.Lock()
        self._read_at = -_MAX_AGE_S
        self._requests = Histogram(
            "transcripts_http_request_seconds", "Time from a request's first byte to the end of its answer",
            ["method", "route", "status"], buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._received = Counter(
            "transcripts_http_received_bytes", "Bytes of request bodies", ["route"], registry=self._registry
        )
        self._jobs = self._gauge("queue_jobs", "Active jobs; due ones could run now", ["state"])
        self._oldest = self._gauge("queue_oldest_due_seconds", "How long the oldest due job has waited")
        self._places = self._gauge("queue_places", "Jobs that all living workers may hold at once")
        self._free = self._gauge("queue_places_free", "Places that no running job takes")
        self._wanted = self._gauge("queue_places_wanted", "Places that running and due jobs would take")
        self._engine_jobs = self._gauge("engine_jobs", "Active jobs of an engine", ["engine", "state"])
        self._engine_places = self._gauge("engine_places", "Places of the workers that run it", ["engine"])
        self._engine_wanted = self._gauge("engine_places_wanted", "Places its jobs would take", ["engine"])
        self._workers = self._gauge("workers", "Living workers that do not drain")
        self._paused = self._gauge("queue_paused", "1 while an operator has paused the queue")
        self._readable = self._gauge("queue_readable", "0 while Postgres does not tell of the queue")
        self._alarms = AlarmGauges(self._registry, pool, redis, disks or {})
        self._gauge("build_info", "1, with the version", ["version"]).labels(version).set(1)

    def observe(self, method: str, route: str, status: int, seconds: float, received: int) -> None:
        """Note a request that has been answered; `status` 0 where the client went away before."""
        self._requests.labels(method, route, str(status)).observe(seconds)
        if received:
            self._received.labels(route).inc(received)

    async def render(self) -> bytes:
        """The text that Prometheus reads."""
        async with self._reading:
            await asyncio.gather(self._look(), self._alarms.look())
        return generate_latest(self._registry)

    async def _look(self) -> None:
        if time.monotonic() - self._read_at < _MAX_AGE_S:
            return
        self._read_at = time.monotonic()
        try:
            whole, engines = await within(_PATIENCE_S, self._signal.read())
        except AWAY as error:
            log.warning("the queue cannot be read for its metrics", reason=repr(error))
            self._readable.set(0)
            return
        self._readable.set(1)
        for state in _STATES:
            self._jobs.labels(state).set(whole[state])
        self._oldest.set(whole["oldest_due_ms"] / 1000)
        self._places.set(whole["places"])
        self._free.set(whole["places_free"])
        self._wanted.set(whole["places_wanted"])
        self._workers.set(whole["workers"])
        self._paused.set(whole["paused"])
        self._tell_engines(engines)

    def _tell_engines(self, engines: dict[str, Row]) -> None:
        """Those that have neither jobs nor workers any more go away rather than stay at their last value."""
        for gauge in (self._engine_jobs, self._engine_places, self._engine_wanted):
            gauge.clear()
        for engine, row in engines.items():
            for state in _STATES:
                self._engine_jobs.labels(engine, state).set(row[state])
            self._engine_places.labels(engine).set(row["places"])
            self._engine_wanted.labels(engine).set(row["places_wanted"])

    def _gauge(self, name: str, description: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(f"transcripts_{name}", description, labels or [], registry=self._registry)
