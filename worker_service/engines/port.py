"""The port that every speech engine implements; its values and errors are ours, never a vendor's."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from arq.connections import ArqRedis

from shared.database import Pool
from shared.errors import TranscriptsError
from shared.jobs.operations import FREE, Cost
from shared.lifecycle import Processing
from shared.settings import WorkerSettings
from shared.transcript import Notice, Word
from worker_service.pieces.cutting import Cutting

Progress = Callable[[int], None]
"""Called with the milliseconds of audio done so far; must not block."""


def outputs(job_id: UUID, attempt: int | None = None) -> str:
    """Where all that a job, or one attempt of it, leaves in an engine's store is; prefixes of operations begin so."""
    return f"results/{job_id}/" if attempt is None else f"results/{job_id}/{attempt}/"


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One attempt's order: the prepared audio (16 kHz mono FLAC) and what the caller asked for.

    The audio is the whole recording, or one piece of it, which begins at `start_ms` of the recording. An engine's
    times count from the beginning of the audio.
    """

    job_id: UUID
    attempt: int  # that starts the operation
    audio: (
        Path | None
    )  # None: an earlier attempt has started it, and a durable engine needs no audio any more
    duration_ms: int
    language: str | None = None  # BCP 47 as the caller gave it; None: let the engine detect it
    model: str | None = None  # None: the engine's default
    speakers: int = 2
    diarization: bool = True
    phrases: tuple[str, ...] = ()
    processing: Processing = Processing.STANDARD
    piece: int | None = None  # counted from 0; None: the audio is the whole recording
    start_ms: int = 0

    @property
    def prefix(self) -> str:
        """Names this attempt's outputs in the engine's store; unique, so an orphan is found by it."""
        whole = outputs(self.job_id, self.attempt)
        return whole if self.piece is None else f"{whole}{self.piece}/"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an engine would do with a request, and what that would cost; nothing has been spent yet."""

    model: str
    cost: Cost = FREE
    notices: tuple[Notice, ...] = ()  # what it will not do, although it was asked for
    cutting: Cutting | None = None  # into which pieces; the cost is theirs together. None: it takes the whole


@dataclass(frozen=True, slots=True)
class SpeechResult:
    """What an engine heard: words in order of time (speakers 1-based), and what it cost."""

    words: tuple[Word, ...]
    language: str | None
    model: str
    warnings: tuple[Notice, ...] = ()
    cost: Cost = FREE


class NotStartedError(Exception):
    """The engine refused to start an operation: there is none and nothing was spent. `error` is for the job.

    Whatever else `submit` raises leaves it open whether an operation runs: it has to be looked for.
    """

    def __init__(self, error: TranscriptsError) -> None:
        """`error` is what the attempt ends with."""
        super().__init__(error.detail)
        self.error = error


class OperationEndedError(Exception):
    """An operation is over and gave nothing: it must not be followed again. `error` is for the job.

    Whatever else `follow` raises says nothing about the operation: a later attempt follows it again.
    """

    def __init__(self, error: TranscriptsError, cost: Cost) -> None:
        """`error` is what the attempt ends with, `cost` what was billed all the same."""
        super().__init__(error.detail)
        self.error = error
        self.cost = cost


class StillRunningError(Exception):
    """An operation was asked to stop and has not yet: it may cost more. `cost` is what it came to until now."""

    def __init__(self, cost: Cost) -> None:
        super().__init__("the operation was asked to stop and still runs")
        self.cost = cost


class Engine(Protocol):
    """A speech engine, in the steps that a crash may fall between.

    Errors are `shared.errors.EngineError` and its kin; `transient` on the class says: try again.
    """

    name: str
    durable: bool  # operations outlive this process, and are followed again by their name

    def check(self, request: SpeechRequest) -> Plan:
        """What would be done; UnsupportedOptionError where the engine cannot do what is asked. Spends nothing."""
        ...

    async def stage(self, request: SpeechRequest) -> str:
        """Put the audio where the engine reads it; returns its reference. Safe to repeat."""
        ...

    async def submit(self, request: SpeechRequest, staged: str) -> str:
        """Start the one paid operation of this attempt; returns its name. Never repeated by the caller.

        Raises NotStartedError where there is certainly no operation.
        """
        ...

    async def find(self, prefix: str) -> str | None:
        """The operation that an earlier submit with this prefix started, or None: there is and will be none."""
        ...

    async def follow(self, request: SpeechRequest, operation: str, progress: Progress) -> SpeechResult:
        """Wait for the operation and return what it heard. Cancelling this coroutine leaves it running.

        Raises OperationEndedError where it is over without a result.
        """
        ...

    async def cancel(self, operation: str, duration_ms: int) -> Cost:
        """Stop the operation, and tell what it came to; safe to repeat, which StillRunningError asks for."""
        ...

    async def discard(self, prefix: str) -> None:
        """Delete what `stage` and operations left below a prefix in the engine's store; safe to repeat."""
        ...

    async def aclose(self) -> None:
        """Close connections and child processes."""
        ...


Waited = Callable[[str, str, float], None]
"""Told of each call that a quota was asked for: where, which quota, and how many seconds it waited; for the metrics."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What engines share with the rest of the worker, and with other workers."""

    pool: Pool
    redis: ArqRedis
    waited: Waited = lambda _where, _quota, _seconds: None


class OpensEngine(Protocol):
    """What an entry point of the group `coaching_transcripts.engines` names."""

    def __call__(self, settings: WorkerSettings, shared: Shared, /) -> Engine:
        """The engine, opened in a thread at the worker's start.

        EngineMisconfiguredError or SetupError, whose detail names the fix, where it is not set up.
        """
        ...
