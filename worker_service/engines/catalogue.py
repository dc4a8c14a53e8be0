"""The engines that a worker can run, by name: chosen by TRANSCRIPTS_ENGINES, opened in the composition root."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from shared.errors import EngineMisconfiguredError, SetupError
from shared.settings import WorkerSettings
from worker_service.engines.port import Engine


def open_engines(settings: WorkerSettings) -> dict[str, Engine]:
    """The engines of the settings; SetupError, naming the fix, where one is unknown or not set up."""
    wanted = [name.strip() for name in settings.engines.split(",") if name.strip()]
    if not wanted:
        raise SetupError(f"TRANSCRIPTS_ENGINES names no engine. Known are {_known()}.")
    return {name: _open(name, settings) for name in wanted}


def _open(name: str, settings: WorkerSettings) -> Engine:
    opener = _OPENERS.get(name)
    if opener is None:
        raise SetupError(f"TRANSCRIPTS_ENGINES: there is no engine {name!r}. Known are {_known()}.")
    try:
        return opener(settings)
    except EngineMisconfiguredError as error:
        raise SetupError(error.detail) from error


def _known() -> str:
    return ", ".join(sorted(_OPENERS))


def _local(settings: WorkerSettings) -> Engine:
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


def _scripted(_settings: WorkerSettings) -> Engine:
    from worker_service.engines.scripted import ScriptedEngine  # noqa: PLC0415

    return ScriptedEngine()


_OPENERS: Final[Mapping[str, Callable[[WorkerSettings], Engine]]] = MappingProxyType(
    {"local": _local, "scripted": _scripted}
)
