"""The settings of the engine google: what both services must know to check an order, and what a worker needs."""

from pydantic import field_validator
from pydantic_settings import BaseSettings

from shared.google.speech import AUTOMATIC, TABLE
from shared.settings.fields import ours, plain

_SHORTEST_PIECE_MINUTES = 0.1


class GoogleOffer(BaseSettings):
    """What can be had of Google here; the API refuses by it what a worker would refuse."""

    google_project_id: str | None = plain(
        "GOOGLE_PROJECT_ID", default=None, description="The project that pays for the engine google"
    )
    google_locations: str = ours(
        "GOOGLE_LOCATIONS",
        default="us,us-central1",
        description="Where Google may transcribe, by comma, the preferred first",
    )
    google_model: str = ours(
        "GOOGLE_MODEL", default=AUTOMATIC, description="Google's model; auto: the best for each recording"
    )

    @field_validator("google_locations")
    @classmethod
    def _known_locations(cls, value: str) -> str:
        unknown = [name for name in by_comma(value) if name not in TABLE]
        if unknown or not by_comma(value):
            raise ValueError(f"must name some of {', '.join(TABLE)}, by comma")
        return value


class GoogleWork(BaseSettings):
    """What a worker with the engine google needs besides."""

    @field_validator("google_piece_minutes", check_fields=False)
    @classmethod
    def _holds_some_words(cls, value: float | None) -> float | None:
        if value is not None and 0 < value < _SHORTEST_PIECE_MINUTES:
            raise ValueError(f"must be 0 (never cut) or {_SHORTEST_PIECE_MINUTES} and more")
        return value

    google_bucket: str | None = ours(
        "GOOGLE_BUCKET",
        default=None,
        description="gs://bucket for Google's audio and results; unset: the storage's",
    )
    google_languages: str = ours(
        "GOOGLE_LANGUAGES",
        default="",
        description="What Google assumes where no language is given, by comma; any when empty",
    )
    google_profanity_filter: bool = ours(
        "GOOGLE_PROFANITY_FILTER", default=False, description="Have Google mask swear words, where it can"
    )
    google_denoise: bool = ours(
        "GOOGLE_DENOISE", default=False, description="Have Google take out background noise first"
    )
    google_piece_minutes: float | None = ours(
        "GOOGLE_PIECE_MINUTES",
        default=None,
        ge=0,
        le=480,
        description="The longest piece sent to Google; unset: what its model takes, 0: never cut",
    )
    google_calls_per_minute: int = ours(
        "GOOGLE_CALLS_PER_MINUTE",
        default=150,
        ge=20,
        le=100_000,
        description="Google's quota of operation requests, and of batch requests",
    )
    google_speech_endpoint: str | None = ours(
        "GOOGLE_SPEECH_ENDPOINT",
        default=None,
        description="Another server that speaks Speech-to-Text, as http://host:port",
    )


def by_comma(value: str) -> tuple[str, ...]:
    """The parts of a list by comma."""
    return tuple(part.strip() for part in value.split(",") if part.strip())
