"""The settings of the API."""

from pathlib import Path

from pydantic import SecretStr

from shared.settings.core import CoreSettings
from shared.settings.fields import ours as _ours
from shared.settings.fields import plain as _plain

_RATE = r"^([1-9][0-9]{0,8}/(second|minute|hour|day))?$"


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
