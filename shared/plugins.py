"""What installed packages add to the service, ours among them: found by entry points, loaded when it is wanted.

A package that is broken is named with what it raised: whoever runs the service did not write it.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, TypeVar

from shared.errors import EngineMisconfiguredError, SetupError

ENGINES: Final = "coaching_transcripts.engines"
"""Name -> what opens the engine of that name (`worker_service.engines.port.OpensEngine`); workers look here."""
ENGINE_ABILITIES: Final = "coaching_transcripts.engine_abilities"
"""Name -> what tells the engine's abilities (`shared.engines.TellsAbilities`); the API looks here."""

T = TypeVar("T")


class BrokenPluginError(SetupError):
    """A package that adds an engine cannot be used."""

    code = "setup_broken_plugin"


def installed(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group by name; SetupError where two packages want the same name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise SetupError(
                f"Two packages register {point.name!r} in {group}: {_package(other)} and {_package(point)}. "
                "Uninstall one of them."
            )
    return found


def names(points: Mapping[str, EntryPoint]) -> str:
    """The names for people, or what is wrong where there is not even one of ours."""
    return ", ".join(sorted(points)) or "none, since coaching-transcripts is not installed: pip install -e ."


def use(point: EntryPoint, call: Callable[[Any], T]) -> T:
    """What `call` makes of the object that the entry point names.

    Raises SetupError: as the plug-in raises it, or BrokenPluginError, which names the package, for anything else.
    """
    try:
        return call(point.load())
    except SetupError:
        raise
    except EngineMisconfiguredError as error:
        raise SetupError(error.detail) from error
    except Exception as error:  # the boundary to code that is not ours
        raise BrokenPluginError(
            f"The engine {point.name!r} of {_package(point)} cannot be used: {point.value} raised "
            f"{type(error).__name__}: {error}. Repair or uninstall that package."
        ) from error


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"
