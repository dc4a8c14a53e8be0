"""Makes the virtual environment from the locked requirements: `python3 deploy/local/environment.py dev`.

It runs outside the environment that it makes, on the standard library alone.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SETS: Final = ("local", "dev")
"""The sets of packages in `requirements/`; each holds what the one before it holds."""

_QUIET: Final = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore", "PIP_USER": "0"}


class EnvironmentNotMadeError(Exception):
    """What went wrong and what to do about it."""


class Environment:
    """The virtual environment `.venv` below `root`: one set of packages, and the project itself."""

    def __init__(self, root: Path, packages: str) -> None:
        self.folder = root / ".venv"
        self._root = root
        self._packages = packages
        self._requirements = root / "requirements"
        self._python = self.folder / "bin" / "python"

    def is_current(self, *, version: str | None) -> bool:
        """Whether it holds what the locks say, and runs on `version` (such as "3.12"; None: on any).

        A link to another environment is left alone: whoever made it looks after what it leads to.
        """
        if self.folder.is_symlink():
            return True
        larger = SETS[SETS.index(self._packages) :]
        stamped = any(_text(self._stamp(packages)) == self._digest(packages) for packages in larger)
        return stamped and self._runs(version)

    def make(self, *, version: str | None) -> None:
        """Make it or mend it; raises EnvironmentNotMadeError where the packages cannot be had."""
        if not self._runs(version):
            self._create()
        if not self._uv.exists():
            self._run([*self._first_installer(), *self._locked("uv")])
        self._install(*self._locked(self._packages))
        self._install("--no-deps", "--no-index", "--no-build-isolation", "--editable", str(self._root))
        self._stamp(self._packages).write_text(self._digest(self._packages))

    @property
    def _uv(self) -> Path:
        return self.folder / "bin" / "uv"

    def _locked(self, name: str) -> tuple[str, ...]:
        return "--require-hashes", "-r", str(self._requirements / f"{name}.txt")

    def _stamp(self, packages: str) -> Path:
        return self.folder / f".{packages}-installed"

    def _digest(self, packages: str) -> str:
        """What an installation depends on; the folder too, since scripts in it name it."""
        inputs = [self._requirements / "uv.txt", self._requirements / f"{packages}.txt"]
        contents = [path.read_bytes() for path in (*inputs, self._root / "pyproject.toml")]
        return hashlib.sha256(b"\0".join([os.fsencode(self._root), *contents])).hexdigest()

    def _runs(self, version: str | None) -> bool:
        """Whether its Python starts, at this place, and is the wanted one."""
        ask = "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix)"
        try:
            done = subprocess.run(
                [self._python, "-I", "-c", ask], capture_output=True, text=True, check=True
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            return False
        has, _, prefix = done.stdout.strip().partition(" ")
        return version in {None, has} and Path(prefix).resolve() == self.folder.resolve()

    def _create(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        # Without pip: what that takes is a package of its own on Debian, and a pip that is there already is faster.
        venv.create(self.folder, symlinks=True, with_pip=False)

    def _first_installer(self) -> list[str]:
        """The start of a command that installs into the environment, which has no installer yet."""
        if importlib.util.find_spec("pip") is not None:
            return [sys.executable, "-m", "pip", "--python", str(self._python), "install"]
        if uv := shutil.which("uv"):
            return self._uv_install(uv)
        if importlib.util.find_spec("ensurepip") is not None:
            self._run([str(self._python), "-m", "ensurepip"])
            return [str(self._python), "-m", "pip", "install"]
        raise EnvironmentNotMadeError(
            f"{sys.executable} has neither pip nor ensurepip, and there is no uv. Install one of them, on Debian and "
            f"Ubuntu with `apt-get install python{_VERSION}-venv`, then try again."
        )

    def _uv_install(self, uv: str) -> list[str]:
        return [uv, "pip", "install", "--system-certs", "--quiet", "--python", str(self._python)]

    def _install(self, *what: str) -> None:
        try:
            self._run([*self._uv_install(str(self._uv)), *what])
        except EnvironmentNotMadeError as error:
            # pip reads a configuration, and the certificates that it names, where uv does not.
            print(f"{error}\nTrying pip, which takes longer ...", file=sys.stderr)
            self._run([*self._first_installer(), "--quiet", *what])

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env={**os.environ, **_QUIET},
        )  # fmt: skip
        if done.returncode != 0:
            raise EnvironmentNotMadeError(f"{done.stdout.strip()}\n{Path(command[0]).name} has failed.")


_VERSION: Final = "{}.{}".format(*sys.version_info)


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time work on the folder: two terminals may run their first `make` at once."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def main() -> int:
    """The command; 0 when the environment is as the locks say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", choices=SETS, help="local: to run everything; dev: to work on it besides")
    packages = parser.parse_args().packages
    version = _VERSION if os.environ.get("PYTHON") else None  # asked for by name, or merely found
    environment = Environment(ROOT, packages)
    try:
        with _alone(ROOT):
            if environment.is_current(version=version):
                return 0
            print(f"Installing the packages into {environment.folder.name}, once ...", flush=True)
            began = time.monotonic()
            environment.make(version=version)
            print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)
    except EnvironmentNotMadeError as error:
        print(
            f"{error}\nThe environment is not complete; nothing outside {ROOT} was changed.", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
