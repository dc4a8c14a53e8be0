"""Makes the engine of the settings; opens no connection."""

from functools import partial
from typing import Final
from urllib.parse import urlsplit

from arq.connections import ArqRedis

from shared.errors import EngineMisconfiguredError
from shared.jobs.operations import OperationRepository
from shared.settings import WorkerSettings
from shared.settings.google import by_comma
from shared.storage import open_store
from shared.storage.google_identity import Anonymous, Identity, identify
from worker_service.engines.google.budget import CallBudget
from worker_service.engines.google.client import SpeechClient
from worker_service.engines.google.engine import SETTLE_S, GoogleEngine
from worker_service.engines.google.follower import Follower
from worker_service.engines.google.locations import Location, Locations
from worker_service.engines.google.requests import Options
from worker_service.engines.google.tariff import BilledThisMonth, Tariff
from worker_service.engines.port import Shared, Waited

_KEY: Final = "google:{project}:{location}:{quota}"


def open_shared(settings: WorkerSettings, shared: Shared, /) -> GoogleEngine:
    """The engine of a worker, which counts its calls and minutes together with all others; as `open_google`."""
    billed = partial(OperationRepository(shared.pool).billed_this_month, "google")
    return open_google(settings, shared.redis, billed, waited=shared.waited)


def open_google(
    settings: WorkerSettings,
    redis: ArqRedis | None,
    billed_this_month: BilledThisMonth | None = None,
    *,
    settle_s: float = SETTLE_S,
    waited: Waited = lambda _where, _quota, _seconds: None,
) -> GoogleEngine:
    """The engine; EngineMisconfiguredError names the setting that is missing, SetupError one that is wrong."""
    if not settings.google_project_id:
        raise EngineMisconfiguredError(
            "The engine google needs a project: set GOOGLE_PROJECT_ID. docs/google.md tells how to set it up."
        )
    key = settings.google_credentials.get_secret_value() if settings.google_credentials else None
    # Ambient credentials are for Google: another server gets a token only where a key was given for it.
    identity = identify(key) if key or not settings.google_speech_endpoint else Anonymous()
    open_location = partial(
        _location,
        settings=settings,
        project=settings.google_project_id,
        redis=redis,
        identity=identity,
        waited=waited,
    )
    return GoogleEngine(
        locations=Locations(by_comma(settings.google_locations), open_location, identity),
        store=open_store(
            _bucket(settings),
            google_credentials=key,
            gcs_endpoint=settings.gcs_endpoint,
            scratch_dir=settings.scratch_dir,
        ),
        tariff=Tariff(billed_this_month),
        model=settings.google_model,
        options=Options(
            languages=by_comma(settings.google_languages),
            profanity_filter=settings.google_profanity_filter,
            denoise=settings.google_denoise,
            piece_ms=_milliseconds(settings.google_piece_minutes),
        ),
        settle_s=settle_s,
    )


def _location(
    name: str,
    *,
    settings: WorkerSettings,
    project: str,
    redis: ArqRedis | None,
    identity: Identity,
    waited: Waited,
) -> Location:
    client = SpeechClient(project, name, identity, endpoint=settings.google_speech_endpoint)

    def quota(kind: str) -> CallBudget:
        key = _KEY.format(project=project, location=name, quota=kind)
        return CallBudget(
            redis, key, per_minute=settings.google_calls_per_minute, waited=partial(waited, name, kind)
        )

    calls = quota("operations")
    return Location(client, calls, quota("batches"), Follower(client, calls))


def _milliseconds(minutes: float | None) -> int | None:
    return None if minutes is None else int(minutes * 60_000)


def _bucket(settings: WorkerSettings) -> str:
    """The bucket's URL; Google reads nothing but buckets."""
    url = settings.google_bucket or settings.storage_url
    if "://" not in url:
        url = f"gs://{url}"
    if urlsplit(url).scheme != "gs":
        raise EngineMisconfiguredError(
            "The engine google needs a bucket of Cloud Storage: set TRANSCRIPTS_GOOGLE_BUCKET=gs://your-bucket, or "
            "keep the recordings in one with TRANSCRIPTS_STORAGE_URL."
        )
    return url
