"""The local speech engine: Whisper and a voice encoder in child processes of this worker; nothing is paid."""

import asyncio
import os
from pathlib import Path
from typing import Final

from shared.errors import EngineUnavailableError, UnsupportedOptionError
from shared.jobs.operations import FREE, Cost
from shared.observation.logs import get_logger
from worker_service.children import ChildDiedError
from worker_service.engines.local.languages import whisper_code
from worker_service.engines.local.orders import Order, Outcome
from worker_service.engines.local.pool import ChildPool
from worker_service.engines.local.weights import BUNDLED, is_folder
from worker_service.engines.port import Plan, Progress, SpeechRequest, SpeechResult

log = get_logger(__name__)

MOST_SPEAKERS: Final = 8
_CHILD: Final = "worker_service.engines.local.child"


class LocalEngine:
    """An Engine that computes here.

    `model` is the default: the name of bundled weights, a folder, or a model's name on a hub. At most
    `processes` recordings are computed at once, each with `threads` threads (the processors shared evenly
    when None); further ones wait in `follow`.
    """

    name = "local"
    durable = False

    def __init__(self, *, models_dir: Path, model: str, processes: int, threads: int | None) -> None:
        self._models_dir = models_dir
        self._model = model
        self._threads = threads or max(1, (os.cpu_count() or 1) // processes)
        self._pool = ChildPool(_CHILD, most=processes, env=self.environment())

    def check(self, request: SpeechRequest) -> Plan:
        """Refuse models that were not set up, languages that the model does not know, too many speakers."""
        model = self._choose(request.model)
        code = whisper_code(request.language, bundled=model in BUNDLED)
        if model.endswith(".en") and code not in (None, "en"):
            raise UnsupportedOptionError(
                f"The model {model} knows English only, not {request.language!r}. Ask for the model base."
            )
        if request.diarization and not 1 <= request.speakers <= MOST_SPEAKERS:
            raise UnsupportedOptionError(f"The local engine tells 1 to {MOST_SPEAKERS} speakers apart.")
        return Plan(Path(model).name)

    async def stage(self, request: SpeechRequest) -> str:
        """The child reads the file where it is."""
        return str(request.audio)

    async def submit(self, request: SpeechRequest, staged: str) -> str:
        """The operation's name; the work is done in `follow`, since nothing of it outlives this process."""
        return f"local/{request.job_id}/{request.attempt}"

    async def find(self, prefix: str) -> str | None:
        """Operations do not outlive the process."""
        return None

    async def follow(self, request: SpeechRequest, operation: str, progress: Progress) -> SpeechResult:
        """Do the work, whatever attempt the operation is named after; a cancel kills the child.

        Raises EngineMisconfiguredError (models missing or not the pinned ones), UnsupportedOptionError, and
        EngineUnavailableError, which is transient, when the child dies.
        """
        order = self._order(request)
        try:
            answer = await self._pool.ask(
                operation, order.as_json(), lambda message: progress(int(message["audio_ms"]))
            )
        except ChildDiedError as error:
            log.warning("the speech process died", returncode=error.returncode, stderr=error.stderr)
            raise EngineUnavailableError(
                f"The speech process ended before it was done (exit code {error.returncode}; -9 often means that "
                "memory ran out). The recording is kept; the job is tried again by itself."
            ) from error
        # Hours of words are put together off the loop (F17).
        return _result(request, await asyncio.to_thread(Outcome.from_json, answer))

    async def cancel(self, operation: str, duration_ms: int) -> Cost:
        """Kill the child that works on it, if one does; it cost nothing."""
        await self._pool.stop(operation)
        return FREE

    async def discard(self, prefix: str) -> None:
        """Nothing was put anywhere."""

    async def aclose(self) -> None:
        """End all children."""
        await self._pool.aclose()

    def working(self) -> tuple[int, ...]:
        """The process ids of the children that work on a recording now."""
        return self._pool.busy()

    def _choose(self, asked: str | None) -> str:
        """The model to use. A caller may name bundled ones and the configured one: never a path or a hub."""
        if asked is None or asked in (self._model, Path(self._model).name):
            return self._model
        if asked in BUNDLED:
            return asked
        known = sorted({*BUNDLED, Path(self._model).name})
        raise UnsupportedOptionError(f"The local engine has no model {asked!r}. It has {', '.join(known)}.")

    def _order(self, request: SpeechRequest) -> Order:
        return Order(
            audio=str(request.audio),
            duration_ms=request.duration_ms,
            model=self._choose(request.model),
            models_dir=str(self._models_dir),
            threads=self._threads,
            language=request.language,
            speakers=request.speakers,
            diarization=request.diarization,
            phrases=request.phrases,
        )

    def environment(self) -> dict[str, str]:
        """What the children are told besides the worker's own environment."""
        env = {
            # Small products many times over: more threads of numpy's would only wait for each other.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": str(self._threads),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        on_a_hub = self._model not in BUNDLED and not is_folder(self._model)
        if not on_a_hub:
            env["HF_HUB_OFFLINE"] = "1"  # nothing is fetched at run time unless the owner named a hub's model
        return env


def _result(request: SpeechRequest, outcome: Outcome) -> SpeechResult:
    return SpeechResult(
        words=outcome.words,
        language=outcome.language,
        model=outcome.model,
        warnings=outcome.warnings,
        cost=Cost(billed_ms=request.duration_ms),
    )
