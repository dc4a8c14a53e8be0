"""Programs that a killed stack left running: known by pid and time of birth, ended before the next start.

On Linux the kernel ends them with the stack (`bound.py`); this is for other systems, and for what the kernel missed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypedDict

_WAIT_S: Final = 10.0
_POLL_S: Final = 0.02


class Trace(TypedDict):
    """What tells a program from another that has its pid later."""

    name: str
    pid: int
    born: str


def trace(name: str, pid: int) -> Trace:
    """The trace of a program that runs."""
    return {"name": name, "pid": pid, "born": born(pid) or ""}


def alive(program: Trace) -> bool:
    """Whether this very program still runs."""
    return bool(program["born"]) and born(program["pid"]) == program["born"]


def end(programs: Sequence[Trace]) -> list[str]:
    """End those that still run, the last started first; returns their names."""
    ended = []
    for program in reversed(programs):
        if alive(program):
            # SIGINT is Postgres' clean end; the others end by it too.
            _end(program, signal.SIGINT if program["name"] == "postgres" else signal.SIGTERM)
            ended.append(program["name"])
    return ended


def _end(program: Trace, how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(program["pid"], how)
        deadline = time.monotonic() + _WAIT_S
        while alive(program) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if alive(program):
            os.kill(program["pid"], signal.SIGKILL)


def born(pid: int) -> str | None:
    """When the process started, as a text that no later process with this pid has; None where there is none."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces
        if fields[0] == "Z":
            return None
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {fields[19]}"
    return _ps(pid, "lstart")


def command_line(pid: int) -> str:
    """The process's command line, empty where there is no such process."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    return _ps(pid, "command") or ""


def _ps(pid: int, column: str) -> str | None:
    done = subprocess.run(
        ["/bin/ps", "-p", str(pid), "-o", f"{column}="],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C"},
    )
    return done.stdout.strip() or None


def of_state(state: dict[str, Any]) -> list[Trace]:
    """The traces in a stack's written state."""
    programs: list[Trace] = state.get("programs", [])
    return programs
