"""What a running API has open, and the use cases over it; opened and closed in one place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict

from arq.connections import ArqRedis

from api_service.access.audit_records import AuditTrail
from api_service.access.authentication import Authenticator, open_authenticator
from api_service.access.entrance import Entrance, is_loopback
from api_service.access.keys import Keys
from api_service.bell import Bell
from api_service.console.pulse import Pulse
from api_service.console.sign_ins import SignIns
from api_service.console.upload_addresses import UploadAddresses
from api_service.engines import Offer
from api_service.http.claims import Claims
from api_service.http.rate_limits import RateLimits, open_rate_limits
from api_service.intake.admission import Admission
from api_service.intake.places import Places
from api_service.intake.resumable import ResumableUploads
from api_service.intake.sample import Sample
from api_service.intake.submissions import Submissions
from api_service.jobs import Jobs
from api_service.observation.examination import Examination
from api_service.observation.metrics import ApiMetrics
from api_service.observation.readiness import ReadinessChecks
from api_service.operator_desk import OperatorDesk
from api_service.reading.exports import Exports
from api_service.reading.recordings import Recordings
from api_service.retention import Retention
from api_service.sessions import Sessions
from api_service.spending import Spending
from api_service.waiting.events import JobEvents
from api_service.waiting.history import History
from api_service.waiting.job_views import JobViews
from api_service.waiting.queue_line import QueueLine
from api_service.waiting.watcher import JobWatcher
from api_service.webhooks import Webhooks
from shared.database import Pool, check_schema, open_pool
from shared.jobs.dispatch import Dispatcher
from shared.pepper import Pepper
from shared.ports import ObjectStore
from shared.queue.client import RedisJobQueue, check_redis, connect
from shared.queue.webhook_bell import WebhookBell
from shared.settings import ApiSettings
from shared.sources.addresses import networks_of
from shared.sources.buckets import buckets_of
from shared.storage import browser_origin, folders, store_of
from shared.transcripts.edits import EditRepository
from shared.transcripts.repository import TranscriptRepository
from shared.transcripts.search import SearchRepository
from shared.version import installed_version
from shared.waveforms import WaveformRepository


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, by noun."""

    entrance: Entrance
    authenticator: Authenticator | None
    sign_ins: SignIns | None
    keys: Keys
    claims: Claims
    webhooks: Webhooks
    audit: AuditTrail
    limits: RateLimits
    pool: Pool
    sessions: Sessions
    submissions: Submissions
    sample: Sample
    uploads: ResumableUploads
    upload_addresses: UploadAddresses
    jobs: Jobs
    views: JobViews
    admission: Admission
    metrics: ApiMetrics
    spending: Spending
    desk: OperatorDesk
    events: JobEvents
    transcripts: TranscriptRepository
    edits: EditRepository
    exports: Exports
    search: SearchRepository
    recordings: Recordings
    waveforms: WaveformRepository
    offer: Offer
    readiness: ReadinessChecks
    examination: Examination
    watcher: JobWatcher
    pulse: Pulse
    max_upload_bytes: int
    media_origin: str | None


class State(TypedDict):
    """What the lifespan gives every request."""

    services: Services


@asynccontextmanager
async def open_services(settings: ApiSettings) -> AsyncIterator[Services]:
    """Open everything, refuse to start on what would lose work, and close it all again.

    Raises SetupError, naming the fix: no database, a schema that is behind, no Redis, a Redis that evicts (F4).
    """
    store = store_of(settings)
    pool = await open_pool(
        settings.database_url.get_secret_value(), size=settings.database_pool, name="transcripts-api"
    )
    redis = connect(
        settings.redis_url.get_secret_value(), queue=settings.queue_name, pool=settings.redis_pool
    )
    queue = RedisJobQueue(redis, settings.queue_name)
    try:
        await check_schema(pool)
        await check_redis(redis)
        services = _assemble(settings, pool, redis, queue, store, await open_authenticator(settings, pool))
        async with asyncio.TaskGroup() as tasks:
            runs = (services.watcher.run(), services.claims.run(), services.pulse.run())
            loops = [tasks.create_task(run) for run in runs]
            if services.authenticator is not None:
                loops.append(tasks.create_task(services.authenticator.run()))
            try:
                yield services
            finally:
                services.watcher.stop()
                services.pulse.stop()
                for loop in loops:
                    loop.cancel()
                await services.limits.aclose()
    finally:
        await store.aclose()
        await queue.aclose()
        await pool.close()


def _assemble(
    settings: ApiSettings,
    pool: Pool,
    redis: ArqRedis,
    queue: RedisJobQueue,
    store: ObjectStore,
    authenticator: Authenticator | None,
) -> Services:
    spending = Spending(pool)
    retention = Retention(settings.keep_days)
    webhook_bell = WebhookBell(redis, settings.queue_name)
    bell = Bell(Dispatcher(pool, queue, tenant_limit=settings.tenant_max_running), webhook_bell)
    offer = Offer(settings)
    line = QueueLine(pool, max_age_s=settings.watch_seconds)
    watcher = JobWatcher(pool, line, tick_s=settings.watch_seconds)
    jobs = Jobs(pool=pool, store=store, bell=bell)
    views = JobViews(line, History(pool))
    pepper = Pepper.of(settings.pepper)
    sign_ins = None if pepper is None else SignIns(pepper)
    webhooks = Webhooks(pool, pepper, bell=webhook_bell, networks=networks_of(settings.fetch_networks))
    submissions = Submissions(
        pool=pool,
        store=store,
        bell=bell,
        offer=offer,
        spending=spending,
        webhooks=webhooks,
        places=Places(
            networks=networks_of(settings.fetch_networks),
            buckets=buckets_of(settings.ingest_buckets, settings.storage_url),
        ),
        retention=retention,
    )
    only_from_here = is_loopback(settings.host) and not settings.allow_anonymous
    return Services(
        entrance=Entrance(
            authenticator,
            only_from_here=only_from_here,
            sign_ins=sign_ins,
            console_key=settings.console_key.get_secret_value() if settings.console_key else None,
        ),
        authenticator=authenticator,
        sign_ins=sign_ins,
        keys=Keys(pool, pepper, authenticator),
        claims=Claims(pool, pepper, keep_hours=settings.idempotency_hours),
        webhooks=webhooks,
        sessions=Sessions(
            pool=pool, store=store, bell=bell, offer=offer, spending=spending, retention=retention
        ),
        audit=AuditTrail(pool),
        limits=open_rate_limits(settings),
        pool=pool,
        submissions=submissions,
        sample=Sample(settings.sample, submissions, max_bytes=settings.max_upload_bytes, check=offer.check),
        uploads=ResumableUploads(
            pool=pool,
            store=store,
            max_bytes=settings.max_upload_bytes,
            kept_for=timedelta(hours=settings.upload_hours),
        ),
        upload_addresses=UploadAddresses(pepper),
        jobs=jobs,
        views=views,
        desk=OperatorDesk(pool=pool, bell=bell, views=views, tenant_limit=settings.tenant_max_running),
        spending=spending,
        metrics=ApiMetrics(
            pool,
            redis,
            version=installed_version(),
            tenant_limit=settings.tenant_max_running,
            disks=folders(settings),
        ),
        admission=Admission(
            pool, max_wait_s=settings.max_queue_wait_seconds, tenant_limit=settings.tenant_max_running
        ),
        events=JobEvents(jobs, views, watcher),
        transcripts=TranscriptRepository(pool),
        edits=EditRepository(pool),
        exports=Exports(pool),
        search=SearchRepository(pool),
        recordings=Recordings(pool=pool, store=store),
        waveforms=WaveformRepository(pool),
        offer=offer,
        readiness=ReadinessChecks(pool, redis),
        examination=Examination(settings, pool, redis),
        watcher=watcher,
        pulse=Pulse(pool, tick_s=2 * settings.watch_seconds),
        max_upload_bytes=settings.max_upload_bytes,
        media_origin=browser_origin(settings),
    )
