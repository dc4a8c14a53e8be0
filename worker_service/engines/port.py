"""The port that every speech engine implements; its values and errors are ours, never a vendor's."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from shared.lifecycle import Processing
from shared.transcript import Notice, Word

Progress = Callable[[int], None]
"""Called with the milliseconds of audio done so far; must not block."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One attempt's order: the prepared audio (16 kHz mono FLAC) and what the caller asked for."""

    job_id: UUID
    attempt: int
    audio: Path
    duration_ms: int
    language: str | None = None  # BCP 47 as the caller gave it; None: let the engine detect it
    model: str | None = None  # None: the engine's default
    speakers: int = 2
    diarization: bool = True
    phrases: tuple[str, ...] = ()
    processing: Processing = Processing.STANDARD

    @property
    def prefix(self) -> str:
        """Names this attempt's outputs in the engine's store; unique, so an orphan is found by it."""
        return f"results/{self.job_id}/{self.attempt}/"


@dataclass(frozen=True, slots=True)
class SpeechResult:
    """What an engine heard: words in order of time (speakers 1-based), and what it cost."""

    words: tuple[Word, ...]
    language: str | None
    model: str
    warnings: tuple[Notice, ...] = ()
    billed_ms: int = 0
    micro_dollars: int = 0


class Engine(Protocol):
    """A speech engine, in the steps that a crash may fall between.

    Errors are `shared.errors.EngineError` and its kin; `transient` on the class says: try again.
    """

    name: str

    def check(self, request: SpeechRequest) -> None:
        """Raise UnsupportedOptionError where the engine cannot do what is asked; spends nothing."""
        ...

    async def stage(self, request: SpeechRequest) -> str:
        """Put the audio where the engine reads it; returns its reference. Safe to repeat."""
        ...

    async def submit(self, request: SpeechRequest, staged: str) -> str:
        """Start the one paid operation of this attempt; returns its name. Never repeated by the caller."""
        ...

    async def find(self, prefix: str) -> str | None:
        """The operation that an earlier submit with this prefix started, or None: there is none."""
        ...

    async def follow(self, request: SpeechRequest, operation: str, progress: Progress) -> SpeechResult:
        """Wait for the operation and return what it heard. Cancelling this coroutine leaves it running."""
        ...

    async def cancel(self, operation: str) -> None:
        """Stop the operation as far as the engine can; best effort, safe to repeat."""
        ...

    async def aclose(self) -> None:
        """Close connections and child processes."""
        ...
