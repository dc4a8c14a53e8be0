"""What a running worker has open, and the loops beside its jobs; opened and closed in one place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from arq.connections import ArqRedis

from shared.database import Pool, check_schema, open_pool
from shared.jobs.dispatch import Dispatcher
from shared.observation.logs import get_logger
from shared.orphan_objects import OrphanObjects
from shared.pepper import Pepper
from shared.ports import ObjectStore
from shared.queue import names
from shared.queue.client import RedisJobQueue, check_redis, connect
from shared.queue.webhook_bell import WebhookBell
from shared.settings import WorkerSettings
from shared.sources.addresses import networks_of
from shared.sources.egress import PublicTransport
from shared.storage import store_of
from worker_service import scratch
from worker_service.engines.catalogue import open_engines
from worker_service.engines.port import Engine, Shared
from worker_service.observation.health import HealthServer, Pulse
from worker_service.observation.metrics import WorkerMetrics
from worker_service.queue.drain import Drain
from worker_service.queue.leases import LeaseWorker
from worker_service.queue.registry import BEAT_S, Registry
from worker_service.queue.tasks import DISPATCHER, FUNCTIONS, TRANSCRIBER, WEBHOOKS
from worker_service.sources.bucket_reading import BucketReader
from worker_service.sources.fetching import Fetcher, FetchLimits
from worker_service.sources.opening import Sources
from worker_service.status import StatusBoard
from worker_service.transcribe import RunLimits, Transcriber
from worker_service.upkeep.loose_ends import LooseEnds
from worker_service.upkeep.orphan_sweep import sweep_orphans
from worker_service.upkeep.strays import Strays
from worker_service.upkeep.sweep import Sweep
from worker_service.voices import open_voices
from worker_service.webhooks import WebhookSender

log = get_logger(__name__)

_CLOSE_S: Final = (
    0.5  # with the drain, Redis's goodbye and the sign-off, inside the 10 s that platforms grant
)


Loop: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Services:
    """The leased worker, its row, and the loops that run beside it until it has stopped."""

    worker: LeaseWorker
    registry: Registry
    dispatcher: Dispatcher
    loops: tuple[Loop, ...]
    health: HealthServer


@asynccontextmanager
async def open_services(settings: WorkerSettings) -> AsyncIterator[Services]:
    """Open everything, refuse to start on what would lose work, and close it all again.

    Raises SetupError, naming the fix: no database, a schema that is behind, no Redis, a Redis that evicts (F4),
    an engine that is not set up.
    """
    store = store_of(settings, scratch_dir=settings.scratch_dir)
    buckets = BucketReader.of(settings)
    await asyncio.to_thread(scratch.clear_leftovers, settings.scratch_dir)
    url = settings.redis_url.get_secret_value()
    # The worker's own connection never sends twice unseen; rings may be repeated and are.
    leased = connect(url, queue=settings.queue_name, pool=settings.redis_pool, retries=0)
    queue = RedisJobQueue(connect(url, queue=settings.queue_name, pool=4), settings.queue_name)
    pool: Pool | None = None
    engines: dict[str, Engine] = {}
    try:
        pool = await open_pool(
            settings.database_url.get_secret_value(), size=settings.database_pool, name="transcripts-worker"
        )
        await check_schema(pool)
        await check_redis(leased)
        metrics = WorkerMetrics()
        engines = await asyncio.to_thread(open_engines, settings, Shared(pool, leased, metrics.google_waited))
        yield _assemble(settings, pool, leased, queue, store, buckets, engines, metrics)
    finally:
        for engine in engines.values():
            await engine.aclose()
        await store.aclose()
        if buckets is not None:
            await buckets.aclose()
        await queue.aclose()
        await leased.aclose(close_connection_pool=True)
        if pool is not None:
            with suppress(TimeoutError):  # a statement that hangs must not: the pool is torn down then
                async with asyncio.timeout(_CLOSE_S):
                    await pool.close()


def _assemble(
    settings: WorkerSettings,
    pool: Pool,
    redis: ArqRedis,
    queue: RedisJobQueue,
    store: ObjectStore,
    buckets: BucketReader | None,
    engines: dict[str, Engine],
    metrics: WorkerMetrics,
) -> Services:
    status = StatusBoard(pool, tick_s=settings.status_seconds)
    worker = LeaseWorker(
        FUNCTIONS,
        redis=redis,
        queue_name=names.lane_queue(settings.queue_name, names.lane(engines)),
        max_jobs=settings.max_jobs,
        lease_s=settings.lease_seconds,
        drain_s=settings.drain_seconds,
    )
    dispatcher = Dispatcher(pool, queue, tenant_limit=settings.tenant_max_running)
    worker.ctx[DISPATCHER] = dispatcher
    bell = worker.ctx[WEBHOOKS] = WebhookBell(redis, settings.queue_name)
    _measure(metrics, worker, settings)
    metrics.expect(engines)
    pulse = Pulse(metrics.lagged)
    loose_ends = LooseEnds(pool, engines)
    worker.ctx[TRANSCRIBER] = Transcriber(
        pool=pool,
        store=store,
        engines=engines,
        status=status,
        loose_ends=loose_ends,
        sources=Sources(pool, store, Fetcher(store, _fetch_limits(settings), buckets=buckets)),
        limits=_limits(settings, worker.worker_id),
        metrics=metrics,
        voices=open_voices(settings, pool, store),
    )
    drain = Drain(worker)
    registry = Registry(
        pool,
        worker=worker.worker_id,
        max_jobs=settings.max_jobs,
        engines=sorted(engines),
        tasks=[function.name for function in FUNCTIONS],
        running=lambda: worker.jobs_running,
        draining=lambda: not worker.allow_pick_jobs,
        drain=drain.begin,
        beat=pulse.beat,
    )
    turn = partial(_turn, redis, worker.worker_id)
    orphans = OrphanObjects(pool, store, grace=timedelta(hours=settings.orphan_hours))
    sweep = Sweep(
        pool=pool,
        queue=queue,
        dispatcher=dispatcher,
        store=store,
        take_turn=turn(names.sweep_key(settings.queue_name)),
        every_s=settings.sweep_seconds,
        dead_after_s=settings.lease_seconds + 2 * BEAT_S,
        audit_days=settings.audit_days,
    )
    strays = Strays(
        pool, queue, worker=worker.worker_id, held=lambda: worker.held, every_s=settings.sweep_seconds
    )
    tie_up = partial(
        loose_ends.run,
        every_s=settings.sweep_seconds,
        take_turn=turn(names.loose_ends_key(settings.queue_name, engines)),
    )
    loops: tuple[Loop, ...] = (
        status.run,
        registry.run,
        sweep.run,
        drain.run,
        strays.run,
        tie_up,
        pulse.run,
        partial(sweep_orphans, orphans, turn(names.orphans_key(settings.queue_name))),
        *_webhooks(settings, pool, bell),
    )
    health = HealthServer(pulse=pulse, takes_jobs=lambda: worker.allow_pick_jobs, metrics=metrics.render)
    return Services(worker, registry, dispatcher, loops, health)


def _webhooks(settings: WorkerSettings, pool: Pool, bell: WebhookBell) -> Iterator[Loop]:
    """The loop that delivers webhooks; there are none without a pepper, since nothing else opens their secrets."""
    pepper = Pepper.of(settings.pepper)
    if pepper is None:
        log.info("this worker delivers no webhooks: TRANSCRIPTS_PEPPER is not set")
        return
    sender = WebhookSender(
        pool,
        pepper,
        transport=PublicTransport(networks_of(settings.fetch_networks)),
        poll_s=settings.webhook_poll_seconds,
        timeout_s=settings.webhook_timeout_seconds,
        bell=bell,
    )
    yield sender.run


def _measure(metrics: WorkerMetrics, worker: LeaseWorker, settings: WorkerSettings) -> None:
    metrics.watch_disk("scratch", scratch.root(settings.scratch_dir))
    metrics.watch(
        {
            "worker_jobs": ("Jobs that this worker holds", lambda: worker.jobs_running),
            "worker_max_jobs": ("Jobs that it may hold at once", lambda: settings.max_jobs),
        }
    )
    metrics.count(
        {
            "worker_claimed": ("Jobs taken from the queue", lambda: worker.jobs_claimed),
            "worker_handed_over": ("Jobs given back at a stop", lambda: worker.jobs_handed_over),
            "worker_lost": ("Jobs that another worker took over", lambda: worker.jobs_lost),
        }
    )


def _fetch_limits(settings: WorkerSettings) -> FetchLimits:
    return FetchLimits(
        settings.max_upload_bytes, settings.fetch_seconds, networks_of(settings.fetch_networks)
    )


def _limits(settings: WorkerSettings, worker_id: str) -> RunLimits:
    return RunLimits(
        worker=worker_id,
        max_attempts=settings.max_attempts,
        max_audio_ms=int(settings.max_audio_hours * 3_600_000),
        retry_base_s=settings.retry_base_seconds,
        scratch_dir=settings.scratch_dir,
        media_slots=asyncio.Semaphore(settings.media_jobs),
    )


def _turn(redis: ArqRedis, worker: str, key: str) -> Callable[[float], Awaitable[bool]]:
    async def take(seconds: float) -> bool:
        """Whether this worker is the one that does it in this interval: the first to ask is."""
        return bool(await redis.set(key, worker, nx=True, px=max(1, int(seconds * 900))))

    return take
