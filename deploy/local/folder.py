"""The data folder of the local stack: what lies where, the passwords, and the lock that one stack holds."""

import fcntl
import json
import os
import secrets
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from shared.errors import SetupError

DEFAULT: Final = Path(".local")


class AlreadyRunningError(SetupError):
    """A stack already runs on this data folder. Nothing was started."""

    code = "setup_already_running"


class DataFolder:
    """Everything that the stack keeps; deleting the folder forgets it all."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.postgres = self.root / "postgres"
        self.redis = self.root / "redis"
        self.objects = self.root / "objects"
        self.logs = self.root / "logs"
        self.env_file = self.root / "env"
        self._run = self.root / "run"
        self._state = self._run / "stack.json"

    def create(self) -> None:
        """Make the folder where it is missing, closed to other users: it holds recordings."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.objects, self.logs, self._run):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"{self.root} cannot be used as the data folder ({error.strerror}). Nothing was started. Name "
                "another one with --data or TRANSCRIPTS_HOME."
            ) from None

    def password(self, name: str) -> str:
        """The password of a server: made once, kept in a file that only its owner reads."""
        known = self.secret(name)
        if known is None:
            known = secrets.token_hex(24)
            self.keep_secret(name, known)
        return known

    def secret(self, name: str) -> str | None:
        """What is kept under the name; None where nothing is."""
        try:
            return self._secret_file(name).read_text().strip()
        except FileNotFoundError:
            return None

    def keep_secret(self, name: str, value: str) -> None:
        """Keep a secret in a file that only its owner reads."""
        path = self._secret_file(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(path, value + "\n")

    def _secret_file(self, name: str) -> Path:
        return self.root / "passwords" / name

    def write_env(self, values: Mapping[str, str]) -> None:
        """Write what a shell needs to reach the stack, secrets included; `. <file>` reads it."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
        write_private(self.env_file, "".join(lines))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder; AlreadyRunningError where another stack does. The kernel frees a dead holder's lock."""
        with (self._run / "lock").open("w") as file:
            if not _take(file.fileno()):
                state = self.state()
                api = f", API at {state['api']}" if state.get("api") else ""
                raise AlreadyRunningError(
                    f"A stack already runs on {self.root}: process {state.get('supervisor')}{api}. Nothing was "
                    "started. `make stop` stops it; --data names another folder."
                )
            yield

    def is_held(self) -> bool:
        """Whether a stack runs on this folder now."""
        try:
            file = (self._run / "lock").open("r")
        except FileNotFoundError:
            return False
        with file:
            return not _take(file.fileno())

    def state(self) -> dict[str, Any]:
        """What the stack that runs, or ran last, wrote of itself; empty where there was none."""
        try:
            state: dict[str, Any] = json.loads(self._state.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return state

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace the state."""
        write_private(self._state, json.dumps(state, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(name).replace(path)


def from_user(*names: str) -> dict[str, str]:
    """The values that the user has set for these names, in the environment or in `.env`."""
    found = {**dotenv_values(".env"), **os.environ}
    return {name: value for name in names if (value := found.get(name))}


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
