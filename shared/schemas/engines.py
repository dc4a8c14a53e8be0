"""Engines as the HTTP API gives them: what they can do, up to what length, at what price."""

from typing import Any, Self

from pydantic import Field, field_validator

from shared.engines import Abilities
from shared.lifecycle import Processing
from shared.schemas.base import Mirror, Resource


class ModelLimits(Mirror):
    """What one model of an engine takes; null: no limit of its own. A longer recording may be heard in pieces."""

    model: str
    longest_ms: int | None = Field(description="At once")
    longest_with_word_times_ms: int | None = Field(description="At once, with a time for each word")
    diarizes: list[str] | None = Field(description="Languages in which it tells voices apart; null: any")
    max_phrases: int | None
    locations: list[str] = Field(
        description="Where it computes; empty: on the worker, or where its service does"
    )

    @field_validator("diarizes", mode="before")
    @classmethod
    def _in_order(cls, value: Any) -> Any:
        return None if value is None else sorted(value)


class EnginePrice(Mirror):
    """What a minute of audio costs, from so many minutes of the calendar month on."""

    model: str | None = Field(description="null: whichever")
    processing: Processing
    from_minutes: int
    micro_dollars_per_minute: int


class EngineResource(Resource):
    """What an engine can do."""

    name: str
    default: bool
    summary: str
    languages: list[str] = Field(description="Primary subtags; empty: any")
    detects_language: bool
    models: list[str] = Field(description="Others may be set up on a worker")
    default_model: str | None
    diarization: bool
    max_speakers: int
    phrases: bool
    paid: bool
    limits: list[ModelLimits] = Field(description="By model; a model that is not here has none of its own")
    prices: list[EnginePrice] = Field(description="Empty where nothing is paid, or the price is not known")

    @classmethod
    def of(cls, abilities: Abilities, *, default: bool) -> Self:
        """The resource of an engine's abilities."""
        names = [name for name in cls.model_fields if name not in {"default", "languages"}]
        values = {name: getattr(abilities, name) for name in names}
        return cls.model_validate({**values, "default": default, "languages": sorted(abilities.languages)})
