"""Every setting of both services: read from the environment and `.env`, refused when misspelt.

One module for both, because both read one `.env`: each must know the other's names to tell a stranger from
a typing error. `docs/settings.md` is the table for people; a test compares it with the fields here.
"""

from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from shared.errors import SetupError
from shared.google_settings import GoogleOffer, GoogleWork
from shared.observation_settings import Observation
from shared.setting_fields import ours as _ours
from shared.setting_fields import plain as _plain
from shared.setting_names import refuse_unknown_names
from shared.source_urls import networks_of
from shared.store_urls import checked_redis_url, normalise_database_url
from shared.upkeep_settings import Upkeep

_PEPPER_CHARACTERS = 32
_RATE = r"^([1-9][0-9]{0,8}/(second|minute|hour|day))?$"


class CoreSettings(Observation, GoogleOffer):
    """What both services need."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", case_sensitive=True, frozen=True)

    database_url: SecretStr = _plain("DATABASE_URL", description="Postgres, as a URL")
    redis_url: SecretStr = _plain("REDIS_URL", description="Redis or Valkey, as a URL")
    storage_url: str = _ours(
        "STORAGE_URL", description="Where recordings are kept: file:///folder or gs://bucket"
    )
    google_credentials: SecretStr | None = _plain(
        "GOOGLE_APPLICATION_CREDENTIALS_JSON",
        default=None,
        description="A service account's key as JSON or base64; unset: ambient credentials",
    )
    gcs_endpoint: str | None = _ours(
        "GCS_ENDPOINT",
        default=None,
        description="Another server that speaks Cloud Storage, as http://host:port",
    )
    max_upload_bytes: int = _ours(
        "MAX_UPLOAD_BYTES", default=2 * 1024**3, ge=1, description="The largest recording taken, in bytes"
    )
    fetch_networks: str = _ours(
        "FETCH_NETWORKS",
        default="",
        description="Private networks that source_url and webhooks may reach, by comma; dangerous",
    )
    ingest_buckets: str = _ours(
        "INGEST_BUCKETS",
        default="",
        description="Buckets that gcs_uri may name, by comma: every caller may read all of them",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _plain(
        "LOG_LEVEL", default="INFO", description="The least severe log line that is written"
    )
    log_format: Literal["auto", "console", "json"] = _ours(
        "LOG_FORMAT", default="auto", description="auto: console on a terminal, JSON elsewhere"
    )
    queue_name: str = _ours("QUEUE_NAME", default="transcripts", description="The queue's key in Redis")
    database_pool: int = _ours(
        "DATABASE_POOL", default=10, ge=2, le=200, description="Postgres connections of one process, at most"
    )
    redis_pool: int = _ours(
        "REDIS_POOL", default=50, ge=4, le=1000, description="Redis connections of one process, at most"
    )
    tenant_max_running: int | None = _ours(
        "TENANT_MAX_RUNNING",
        default=None,
        ge=1,
        description="Jobs of one tenant in flight, at most; no limit unset",
    )
    max_attempts: int = _ours(
        "MAX_ATTEMPTS", default=5, ge=1, le=50, description="Runs of a job before a transient error is final"
    )
    pepper: SecretStr | None = _ours(
        "PEPPER", default=None, description="Turns keys on; hashes them and seals secrets: docs/security.md"
    )

    @field_validator("database_url")
    @classmethod
    def _known_database_scheme(cls, value: SecretStr) -> SecretStr:
        return SecretStr(normalise_database_url(value.get_secret_value()))

    @field_validator("redis_url")
    @classmethod
    def _known_redis_scheme(cls, value: SecretStr) -> SecretStr:
        return SecretStr(checked_redis_url(value.get_secret_value()))

    @field_validator("pepper")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        """Several stand by comma, the newest first."""
        if value is None:
            return None
        peppers = [pepper.strip() for pepper in value.get_secret_value().split(",")]
        if any(len(pepper) < _PEPPER_CHARACTERS for pepper in peppers):
            raise ValueError(
                f"each pepper needs {_PEPPER_CHARACTERS} characters or more; make one with "
                "python -c 'import secrets; print(secrets.token_hex(32))'"
            )
        return SecretStr(",".join(peppers))

    @field_validator("storage_url")
    @classmethod
    def _known_storage_scheme(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"file", "gs"}:
            raise ValueError("must be file:///absolute/folder or gs://bucket/prefix")
        return value

    @field_validator("fetch_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks_of(value)
        return value

    @field_validator("gcs_endpoint", "google_speech_endpoint", check_fields=False)
    @classmethod
    def _is_an_endpoint(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://unset")
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise ValueError("must be http://host:port or https://host, without a path")
        return value

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read and check the settings; SetupError names every one that is missing, wrong or unknown.

        `given` goes before the environment.
        """
        refuse_unknown_names(known_settings())
        try:
            return cls(**given)
        except ValidationError as error:
            raise SetupError("\n".join(_sentences(error))) from None


class ApiSettings(CoreSettings):
    """What the API needs besides."""

    host: str = _ours("HOST", default="127.0.0.1", description="The address that the API binds")
    port: int = _plain("PORT", default=8000, ge=0, le=65535, description="The port that the API binds")
    keep_days: float | None = _ours(
        "KEEP_DAYS", default=None, gt=0, le=36_500, description="The longest a session is kept, in days"
    )
    upload_hours: float = _ours(
        "UPLOAD_HOURS",
        default=24.0,
        gt=0,
        le=168,
        description="How long an unfinished upload is kept, in hours",
    )
    default_engine: str = _ours(
        "DEFAULT_ENGINE", default="local", description="The engine of a session that names none"
    )
    allow_anonymous: bool = _ours(
        "ALLOW_ANONYMOUS", default=False, description="Whether to serve beyond loopback without keys"
    )
    max_queue_wait_seconds: float | None = _ours(
        "MAX_QUEUE_WAIT_SECONDS",
        default=None,
        gt=0,
        description="Refuse recordings that would wait longer (429)",
    )
    watch_seconds: float = _ours(
        "WATCH_SECONDS", default=0.5, gt=0, le=10, description="How often waiting readers are refreshed"
    )
    idempotency_hours: float = _ours(
        "IDEMPOTENCY_HOURS",
        default=24.0,
        gt=0,
        le=720,
        description="How long an Idempotency-Key is remembered",
    )
    rate_read: str = _ours(
        "RATE_READ",
        default="6000/minute",
        pattern=_RATE,
        description="Requests of a tenant that look; empty: any number",
    )
    rate_write: str = _ours(
        "RATE_WRITE",
        default="1200/minute",
        pattern=_RATE,
        description="Requests of a tenant that change something",
    )
    rate_submit: str = _ours(
        "RATE_SUBMIT",
        default="300/minute",
        pattern=_RATE,
        description="Requests of a tenant for a transcription",
    )
    sample: Path | None = _ours(
        "SAMPLE",
        default=None,
        description="A recording, in English, that newcomers may try in the console; none unset",
    )
    console_key: SecretStr | None = _ours(
        "CONSOLE_KEY",
        default=None,
        description="A key that the console signs this machine's browsers in with; only where the API binds loopback",
    )
    key_cache_seconds: float = _ours(
        "KEY_CACHE_SECONDS",
        default=2.0,
        ge=0,
        le=60,
        description="How long a key that was let in is not looked up",
    )


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


_CLASSES: tuple[type[CoreSettings], ...] = (CoreSettings, ApiSettings, WorkerSettings)


def known_settings() -> frozenset[str]:
    """The environment variables that are settings of either service."""
    return frozenset(
        str(choice)
        for cls in _CLASSES
        for info in cls.model_fields.values()
        if isinstance(info.validation_alias, AliasChoices)
        for choice in info.validation_alias.choices
    )


def _sentences(error: ValidationError) -> list[str]:
    """One sentence for each wrong setting; values are left out, since some are secrets."""
    lines = []
    for item in error.errors(include_input=False, include_url=False):
        name = str(item["loc"][0])
        if item["type"] == "missing":
            lines.append(
                f"{name} is not set. `make up` starts a stack that has it; docs/settings.md tells more."
            )
        else:
            lines.append(f"{name}: {item['msg']}.")
    return lines
