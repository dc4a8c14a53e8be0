"""The settings of traces, by the names that OpenTelemetry gives them everywhere."""

from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from shared.setting_fields import plain


class Observation(BaseSettings):
    """Where traces go. Other variables of OpenTelemetry (`OTEL_…`) are read by its SDK, from the environment."""

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
