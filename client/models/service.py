"""The service itself: what its engines can do, and how it is."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from client.models.base import Answer


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
