"""One pending operation as the watchers see it: how far it is, how far it is shown to be, and how it ended."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from google.cloud.speech_v2.types import cloud_speech
from google.longrunning.operations_pb2 import Operation

from worker_service.engines.port import Progress

_STEP: Final = 24.0  # Google's steps are a quarter wide: more is not guessed before the next one
_ALMOST: Final = 99.0
_METADATA: Final = cloud_speech.OperationMetadata.pb()


@dataclass(frozen=True, slots=True)
class Ended:
    """How an operation ended: as Google tells, by a result that lies in the bucket, or (neither) it is unknown."""

    operation: Operation | None = None
    output: str | None = None


@dataclass(slots=True, eq=False)
class Watched:
    """An operation that somebody waits for; `end` is set once. Times are those of the event loop, in seconds."""

    name: str
    prefix: str
    duration_ms: int
    progress: Progress
    began: float
    limit_s: float  # after which it is given up
    percent: float = 0.0  # what Google said last
    percent_at: float = 0.0
    shown: float = 0.0
    missed: int = 0  # whole listings that did not have it
    end: "asyncio.Future[Ended]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future(), repr=False
    )

    def saw(self, operation: Operation, now: float) -> None:
        """Take in what a call has told of it."""
        self.missed = 0
        if operation.done:
            self.ended(Ended(operation=operation))
            return
        percent = float(metadata(operation).progress_percent)
        if percent > self.percent or not self.percent_at:
            self.percent, self.percent_at = percent, now

    def ended(self, how: Ended) -> None:
        """It is over; the first who says so is believed."""
        if not self.end.done():
            self.end.set_result(how)

    def failed(self, error: Exception) -> None:
        """It cannot be watched."""
        if not self.end.done():
            self.end.set_exception(error)

    def show(self, now: float, ms_a_second: float) -> None:
        """Report progress, guessed between Google's steps from how fast operations are; never backwards."""
        since = now - (self.percent_at or self.began)
        guess = self.percent + since * ms_a_second * 100 / max(1, self.duration_ms)
        percent = max(self.shown, min(guess, self.percent + _STEP, _ALMOST))
        if int(percent) > int(self.shown):
            self.progress(int(self.duration_ms * percent) // 100)
        self.shown = percent


def metadata(operation: Operation) -> Any:
    """The OperationMetadata, as the plain message: its wrapper would cost ten times as much."""
    found = _METADATA()
    operation.metadata.Unpack(found)
    return found
