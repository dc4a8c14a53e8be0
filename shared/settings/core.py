"""The settings of both services, and how they are read."""

from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from shared.errors import SetupError
from shared.settings.fields import ours as _ours
from shared.settings.fields import plain as _plain
from shared.settings.google import GoogleOffer
from shared.settings.names import refuse_unknown_names
from shared.settings.observation import Observation
from shared.sources.addresses import networks_of
from shared.store_urls import checked_redis_url, normalise_database_url

_PEPPER_CHARACTERS = 32


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


def known_settings() -> frozenset[str]:
    """The environment variables that are settings of either service."""
    classes: tuple[type[CoreSettings], ...] = (CoreSettings, *CoreSettings.__subclasses__())
    return frozenset(
        str(choice)
        for cls in classes
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
