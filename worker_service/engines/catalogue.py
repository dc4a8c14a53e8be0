"""The engines that a worker can run, by name: chosen by TRANSCRIPTS_ENGINES, opened in the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from arq.connections import ArqRedis

from shared.database import Pool
from shared.errors import EngineMisconfiguredError, SetupError
from shared.operations import OperationRepository
from shared.settings import WorkerSettings
from worker_service.engines.port import Engine


@dataclass(frozen=True, slots=True)
class Shared:
    """What engines share with the rest of the worker, and with other workers."""

    pool: Pool
    redis: ArqRedis


def open_engines(settings: WorkerSettings, shared: Shared) -> dict[str, Engine]:
    """The engines of the settings; SetupError, naming the fix, where one is unknown or not set up."""
    wanted = [name.strip() for name in settings.engines.split(",") if name.strip()]
    if not wanted:
        raise SetupError(f"TRANSCRIPTS_ENGINES names no engine. Known are {_known()}.")
    return {name: _open(name, settings, shared) for name in wanted}


def _open(name: str, settings: WorkerSettings, shared: Shared) -> Engine:
    opener = _OPENERS.get(name)
    if opener is None:
        raise SetupError(f"TRANSCRIPTS_ENGINES: there is no engine {name!r}. Known are {_known()}.")
    try:
        return opener(settings, shared)
    except EngineMisconfiguredError as error:
        raise SetupError(error.detail) from error


def _known() -> str:
    return ", ".join(sorted(_OPENERS))


def _local(settings: WorkerSettings, _shared: Shared) -> Engine:
    from worker_service.engines.local.engine import LocalEngine  # noqa: PLC0415  (only where it is wanted)
    from worker_service.engines.local.weights import BUNDLED, VOICES, verify  # noqa: PLC0415

    if settings.whisper_model in BUNDLED:
        for weights in (BUNDLED[settings.whisper_model], VOICES):
            verify(weights, settings.models_dir)
    return LocalEngine(
        models_dir=settings.models_dir,
        model=settings.whisper_model,
        processes=settings.cpu_jobs,
        threads=settings.whisper_threads,
    )


def _google(settings: WorkerSettings, shared: Shared) -> Engine:
    from worker_service.engines.google.opening import open_google  # noqa: PLC0415  (half a second of imports)

    billed = partial(OperationRepository(shared.pool).billed_this_month, "google")
    return open_google(settings, shared.redis, billed)


def _scripted(_settings: WorkerSettings, _shared: Shared) -> Engine:
    from worker_service.engines.scripted import ScriptedEngine  # noqa: PLC0415

    return ScriptedEngine()


_OPENERS: Final[Mapping[str, Callable[[WorkerSettings, Shared], Engine]]] = MappingProxyType(
    {"local": _local, "google": _google, "scripted": _scripted}
)
