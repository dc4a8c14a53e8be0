"""The settings of a worker."""

from pathlib import Path

from shared.settings.core import CoreSettings
from shared.settings.fields import ours as _ours
from shared.settings.fields import plain as _plain
from shared.settings.google import GoogleWork
from shared.settings.upkeep import Upkeep


class WorkerSettings(Upkeep, GoogleWork, CoreSettings):
    """What a worker needs besides."""

    max_jobs: int = _plain("MAX_JOBS", default=2, ge=1, le=100_000, description="Jobs held at once")
    engines: str = _ours("ENGINES", default="local", description="Engines this worker runs, by comma")
    models_dir: Path = _ours(
        "MODELS_DIR", default=Path(".local/models"), description="The folder of the speech models"
    )
    whisper_model: str = _ours(
        "WHISPER_MODEL", default="base", description="base, tiny.en, a folder, or a model's name on a hub"
    )
    whisper_threads: int | None = _ours(
        "WHISPER_THREADS", default=None, ge=1, description="CPU threads of one local run; all when unset"
    )
    local_voices: bool = _ours(
        "LOCAL_VOICES",
        default=False,
        description="Tell voices apart on the worker where an engine did not; needs the speech extra",
    )
    cpu_jobs: int = _ours(
        "CPU_JOBS", default=1, ge=1, le=64, description="Local transcriptions that compute at once"
    )
    media_jobs: int = _ours(
        "MEDIA_JOBS", default=2, ge=1, le=64, description="Recordings that are decoded at once"
    )
    scratch_dir: Path | None = _ours(
        "SCRATCH_DIR", default=None, description="The folder of temporary files; the system's when unset"
    )
    max_audio_hours: float = _ours(
        "MAX_AUDIO_HOURS", default=8.0, gt=0, le=24, description="The longest recording taken, in hours"
    )
    health_port: int | None = _ours(
        "HEALTH_PORT",
        default=None,
        ge=0,
        le=65535,
        description="The port of a worker's health and metrics; none unset",
    )
    health_host: str = _ours(
        "HEALTH_HOST", default="127.0.0.1", description="The address that a worker's health binds"
    )
    lease_seconds: float = _ours(
        "LEASE_SECONDS", default=10.0, ge=1, le=300, description="How long a dead worker keeps its jobs"
    )
    status_seconds: float = _ours(
        "STATUS_SECONDS", default=0.5, gt=0, le=10, description="How often progress is written"
    )
    fetch_seconds: float = _ours(
        "FETCH_SECONDS",
        default=1800.0,
        gt=0,
        le=86_400,
        description="How long fetching a source_url may take",
    )
    sweep_seconds: float = _ours(
        "SWEEP_SECONDS", default=15.0, gt=0, le=600, description="How often forgotten jobs are looked for"
    )
    webhook_poll_seconds: float = _ours(
        "WEBHOOK_POLL_SECONDS", default=1.0, gt=0, le=60, description="How often due webhooks are looked for"
    )
    webhook_timeout_seconds: float = _ours(
        "WEBHOOK_TIMEOUT_SECONDS",
        default=15.0,
        gt=0,
        le=120,
        description="How long a webhook's receiver may take",
    )
    drain_seconds: float = _ours(
        "DRAIN_SECONDS", default=7.0, ge=0, le=300, description="How long a stopping worker hands over"
    )
    retry_base_seconds: float = _ours(
        "RETRY_BASE_SECONDS", default=5.0, gt=0, le=600, description="The wait before the second attempt"
    )
