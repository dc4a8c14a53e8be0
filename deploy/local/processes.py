"""Other programs: started so that none outlives us, stopped together, their output kept in files; free ports."""

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.errors import SetupError

_BOUND: Final = Path(__file__).with_name("bound.py")
_POLL_S: Final = 0.01
_TAIL_BYTES: Final = 16_384

OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine that a program runs as."""

    name: str
    uid: int
    gid: int


def account_for_servers() -> Account | None:
    """Whom a server that refuses to run as root runs as; None where we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "postgres", "daemon"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise SetupError(
        "Postgres refuses to run as root, and this machine has no user nobody, postgres or daemon to run it as. "
        "Nothing was changed. Run as an ordinary user, or set DATABASE_URL to a Postgres that runs elsewhere."
    )


def bound_command(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    account: Account | None = None,
    folder: Path | None = None,
) -> list[str]:
    """The command line that runs `command` bound to this process; see `bound.py` for `folder`."""
    order: dict[str, Any] = {"parent": os.getpid(), "signal": int(death_signal)}
    if account is not None:
        order |= {"uid": account.uid, "gid": account.gid}
    if folder is not None:
        order["folder"] = str(folder)
    return [sys.executable, "-I", "-S", str(_BOUND), json.dumps(order), *map(str, command)]


class Program:
    """A running program of ours; its output goes to a file, and line by line to `on_line` if there is one."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: dict[str, str],
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        account: Account | None = None,
        folder: Path | None = None,
        cwd: Path | None = None,
        on_line: OnLine | None = None,
    ) -> None:
        """Start it. The kernel sends `death_signal` when the *thread* that calls this ends: call from main."""
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        self._pump: threading.Thread | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            log.replace(log.with_name(log.name + ".1"))
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                bound_command(command, death_signal=death_signal, account=account, folder=folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if on_line else sink,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop the programs in order
            )
        if on_line is not None:
            self._pump = threading.Thread(target=self._copy_lines, args=(on_line,), daemon=True)
            self._pump.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code (negative: the signal that ended it), or None while it runs."""
        return self._process.poll()

    def last_lines(self, count: int = 20) -> list[str]:
        """The last lines that it wrote in this run."""
        if self._pump is not None and self.returncode is not None:
            self._pump.join(1.0)
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-count:]

    def ask_to_stop(self) -> None:
        """Send the signal that ends it cleanly; returns at once."""
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)

    def kill(self) -> None:
        """End it now, with what it started in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end, which is forced after `timeout_s`; returns the exit code."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        code = self._process.wait()
        if self._pump is not None:
            self._pump.join(1.0)
        return code

    def stop(self, timeout_s: float = 10.0) -> int:
        """Stop it and wait; returns the exit code."""
        self.ask_to_stop()
        return self.wait(timeout_s)

    def _copy_lines(self, on_line: OnLine) -> None:
        assert self._process.stdout is not None
        with self.log.open("ab", buffering=0) as sink, self._process.stdout as source:
            for line in source:
                sink.write(line)
                on_line(line.decode(errors="replace").rstrip())


def stop_all(programs: Iterable[Program], timeout_s: float) -> None:
    """Ask all of them to stop at once, and wait for them together: at most `timeout_s`, then they are killed."""
    deadline = time.monotonic() + timeout_s
    everyone = list(programs)
    for program in everyone:
        program.ask_to_stop()
    for program in everyone:
        program.wait(max(0.0, deadline - time.monotonic()))


def wait_until(ready: Callable[[], bool], program: Program, timeout_s: float) -> bool:
    """Wait for `ready()`; False as soon as the program has ended, or when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if program.returncode is not None or time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return program.returncode is None


def free_port(preferred: int | None = None) -> int:
    """A TCP port of 127.0.0.1 that nobody listens on: the preferred one if it is free, else any."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise SetupError("127.0.0.1 has no free TCP port. Nothing was started.")
