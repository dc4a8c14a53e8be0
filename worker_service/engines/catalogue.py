"""The engines that a worker can run, by name: installed packages register them, TRANSCRIPTS_ENGINES chooses."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint

from shared.errors import SetupError
from shared.plugins import ENGINES, installed, names, use
from shared.settings import WorkerSettings
from shared.settings.google import by_comma
from worker_service.engines.port import Engine, OpensEngine, Shared


def open_engines(settings: WorkerSettings, shared: Shared) -> dict[str, Engine]:
    """The engines of the settings; SetupError, naming the fix, where one is unknown, broken, or not set up."""
    found = chosen(settings)
    return {name: use(point, lambda opens: _open(opens, settings, shared)) for name, point in found.items()}


def chosen(settings: WorkerSettings) -> Mapping[str, EntryPoint]:
    """The entry points of the engines of the settings, not loaded yet; SetupError names what is not found."""
    found, wanted = installed(ENGINES), by_comma(settings.engines)
    if not wanted:
        raise SetupError(f"TRANSCRIPTS_ENGINES names no engine. Found are {names(found)}.")
    for name in wanted:
        if name not in found:
            raise SetupError(f"TRANSCRIPTS_ENGINES: there is no engine {name!r}. Found are {names(found)}.")
    return {name: found[name] for name in wanted}


def _open(opens: OpensEngine, settings: WorkerSettings, shared: Shared) -> Engine:
    return opens(settings, shared)
