"""The settings of traces and of error reports, by the names that OpenTelemetry and Sentry give them everywhere."""

from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from shared.settings.fields import plain


class Observation(BaseSettings):
    """Where traces and errors go.

    Other variables of OpenTelemetry (`OTEL_…`) are read by its SDK, from the environment.
    """

    otlp_endpoint: str | None = plain(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        default=None,
        pattern=r"^https?://\S+$",
        description="A collector of traces, as http://host:4318; no traces unset",
    )
    otlp_headers: SecretStr | None = plain(
        "OTEL_EXPORTER_OTLP_HEADERS",
        default=None,
        description="What the collector wants to be sent: name=value, by comma",
    )
    traces_sampler: Literal[
        "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
        "parentbased_traceidratio",
    ] = plain(
        "OTEL_TRACES_SAMPLER", default="parentbased_always_on", description="Which traces are kept"
    )  # fmt: skip
    traces_sampler_arg: float = plain(
        "OTEL_TRACES_SAMPLER_ARG", default=1.0, ge=0, le=1, description="The share that a ratio sampler keeps"
    )
    sentry_dsn: SecretStr | None = plain(
        "SENTRY_DSN",
        default=None,
        description="Where errors are reported, as https://key@host/1; nowhere unset",
    )
    sentry_environment: str = plain(
        "SENTRY_ENVIRONMENT", default="production", description="What reports call this installation"
    )
