"""The service itself: what its engines can do, and how it is."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from client.models.base import Answer


class ModelLimits(Answer):
    """What one model takes at once; None: no limit of its own. A longer recording may be heard in pieces."""

    model: str
    longest_ms: int | None = None
    longest_with_word_times_ms: int | None = None
    diarizes: tuple[str, ...] | None = None  # None: in any language
    max_phrases: int | None = None
    locations: tuple[str, ...] = ()


class EnginePrice(Answer):
    """What a minute of audio costs, from so many minutes of the calendar month on."""

    model: str | None = None  # None: whichever
    processing: str = "standard"
    from_minutes: int = 0
    micro_dollars_per_minute: int = 0


class Engine(Answer):
    """What a speech engine can do."""

    name: str
    default: bool = False
    summary: str = ""
    languages: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    default_model: str | None = None
    diarization: bool = False
    max_speakers: int = 1
    paid: bool = False
    limits: tuple[ModelLimits, ...] = ()
    prices: tuple[EnginePrice, ...] = ()


class Check(Answer):
    """One thing that the service looked at, and what it found."""

    ok: bool
    detail: str


class Sign(Answer):
    """A sign of life: the service's own clock when it answered, and the `version` of its API."""

    date: datetime | None = None
    version: str = ""
    paths: tuple[str, ...] = ()


class Readiness(Answer):
    """Whether the service can do its work."""

    status: Literal["ready", "unready"]
    checks: dict[str, Check] = Field(default_factory=dict)
