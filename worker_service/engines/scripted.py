"""An engine that hears what its script says: for tests, load tests and chaos runs, never for speech.

The script is the job's `model`: `seconds=2,words=40,fail=engine_unavailable,until=3` takes 2 s, hears 40 words
of two speakers, and fails with that error code in every attempt before the third. All parts may be left out.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import lru_cache

from shared.errors import (
    EngineError,
    EngineQuotaError,
    EngineUnavailableError,
    TranscriptsError,
    UnsupportedOptionError,
)
from shared.jobs.operations import FREE, Cost
from shared.settings import WorkerSettings
from shared.transcript import Word
from worker_service.engines.port import (
    OperationEndedError,
    Plan,
    Progress,
    Shared,
    SpeechRequest,
    SpeechResult,
)

_STEPS = 10
_WORD_MS = 300
_TURN_WORDS = 8
_MICRO_DOLLARS_PER_MINUTE = 16_000
_ERRORS: dict[str, type[TranscriptsError]] = {
    cls.code: cls for cls in (EngineError, EngineQuotaError, EngineUnavailableError)
}


@dataclass(frozen=True, slots=True)
class Script:
    """What the engine will do."""

    seconds: float = 0.0
    words: int = 20
    fail: str | None = None
    until: int = 1_000_000

    @classmethod
    def parse(cls, text: str | None) -> "Script":
        """Read a script; UnsupportedOptionError where it says something that nothing does."""
        parts = dict(part.partition("=")[::2] for part in (text or "").split(",") if part)
        try:
            script = cls(
                seconds=float(parts.pop("seconds", "0")),
                words=int(parts.pop("words", "20")),
                fail=parts.pop("fail", None),
                until=int(parts.pop("until", "1000000")),
            )
        except ValueError as error:
            raise UnsupportedOptionError(f"The scripted engine cannot read its script: {error}.") from None
        if parts or (script.fail is not None and script.fail not in _ERRORS):
            raise UnsupportedOptionError("The scripted engine takes seconds, words, fail and until.")
        return script


class ScriptedEngine:
    """An Engine without ears. `cancelled` lists the operations that it was told to stop."""

    name = "scripted"
    durable = True  # by its name alone it can be followed anywhere

    def __init__(self) -> None:
        self.cancelled: list[str] = []

    def check(self, request: SpeechRequest) -> Plan:
        """Refuse a script that cannot be read."""
        Script.parse(request.model)
        return Plan(self.name, _cost(request.duration_ms))

    async def stage(self, request: SpeechRequest) -> str:
        """Nothing has to be moved."""
        return str(request.audio)

    async def submit(self, request: SpeechRequest, staged: str) -> str:
        """The operation is named after its attempt."""
        return f"scripted/{request.job_id}/{request.attempt}"

    async def find(self, prefix: str) -> str | None:
        """Nothing is kept of what was started."""
        return None

    async def follow(self, request: SpeechRequest, operation: str, progress: Progress) -> SpeechResult:
        """Take the script's time, then fail or hear as it says."""
        script = Script.parse(request.model)
        for step in range(1, _STEPS + 1):
            await asyncio.sleep(script.seconds / _STEPS)
            progress(request.duration_ms * step // _STEPS)
        if script.fail is not None and request.attempt < script.until:
            error = _ERRORS[script.fail]("The script said so.")
            raise OperationEndedError(error, FREE)
        return SpeechResult(
            words=_said(script.words),
            language=request.language,
            model=self.name,
            cost=_cost(request.duration_ms),
        )

    async def cancel(self, operation: str, duration_ms: int) -> Cost:
        """Note that it was asked for; half of it was heard, say."""
        self.cancelled.append(operation)
        return replace(_cost(duration_ms // 2), estimated=True)

    async def discard(self, prefix: str) -> None:
        """Nothing was left."""

    async def aclose(self) -> None:
        """Nothing is open."""


def open_scripted(_settings: WorkerSettings, _shared: Shared, /) -> ScriptedEngine:
    """The engine; it needs nothing."""
    return ScriptedEngine()


def _cost(duration_ms: int) -> Cost:
    return Cost(duration_ms, -(-duration_ms * _MICRO_DOLLARS_PER_MINUTE // 60_000))


@lru_cache(maxsize=4)  # a load test's jobs say the same, and it is not the script that is measured
def _said(words: int) -> tuple[Word, ...]:
    return tuple(_word(n) for n in range(words))


def _word(n: int) -> Word:
    ends = n % _TURN_WORDS == _TURN_WORDS - 1
    return Word(
        text=f"word{n}" + ("." if ends else ""),
        start_ms=n * _WORD_MS,
        end_ms=n * _WORD_MS + _WORD_MS - 50,
        confidence=0.9,
        speaker=n // _TURN_WORDS % 2 + 1,
    )
