"""Runs programs side by side as one: they are stopped together, and where one ends by itself all end."""

import os
import signal
import time
from collections.abc import Mapping
from typing import Final

from shared.observation.logs import get_logger

log = get_logger(__name__)

GRACE_S: Final = 9.5
"""What the programs have to end in after a SIGTERM; theirs is 9 s at most, and platforms kill after 10 s or more."""

_WATCHED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_IDLE_S: Final = 3_600.0


class Supervisor:
    """Starts the programs, and waits for signals and for their ends; for Linux, as process 1 of a container."""

    def __init__(self, programs: Mapping[str, tuple[str, ...]], *, grace_s: float = GRACE_S) -> None:
        """`programs`: command lines by name, the programs by absolute path."""
        self._programs = programs
        self._grace_s = grace_s
        self._running: dict[int, str] = {}
        self._deadline: float | None = None
        self._exit_code = 0

    def run(self) -> int:
        """Run them to their end.

        Returns 0 where they were told to stop and all of them did in order; else the exit code of the first that
        did not (128 and the signal's number where one ended it), or 1 where it ended by itself with 0.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)  # from here on they wait until they are asked for
        for name, command in self._programs.items():
            pid = os.posix_spawn(command[0], command, os.environ, setsigmask=())
            self._running[pid] = name
            log.info("started", program=name, pid=pid)
        while self._running:
            received = signal.sigtimedwait(_WATCHED, self._patience_s())
            if received is None:
                self._kill()
            elif received.si_signo != signal.SIGCHLD:
                log.info("stopping", signal=signal.Signals(received.si_signo).name)
                self._stop()
            self._collect()
        return self._exit_code

    def _patience_s(self) -> float:
        return _IDLE_S if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _stop(self) -> None:
        """Tell all to stop; told a second time, the services stop at once."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._grace_s
        self._send(signal.SIGTERM)

    def _kill(self) -> None:
        if self._deadline is not None:
            log.warning("killed: not ended in time", programs=sorted(self._running.values()))
            self._send(signal.SIGKILL)
            self._deadline = time.monotonic() + _IDLE_S

    def _send(self, number: signal.Signals) -> None:
        for pid in self._running:
            os.kill(pid, number)

    def _collect(self) -> None:
        """Take the exit codes of all that have ended, children of children that were left to us among them."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            name = self._running.pop(pid, None)
            if name is not None:
                self._ended(name, os.waitstatus_to_exitcode(status))

    def _ended(self, name: str, code: int) -> None:
        told_to = self._deadline is not None
        (log.info if told_to and code == 0 else log.error)(
            "ended", program=name, exit_code=code, told_to=told_to
        )
        if self._exit_code == 0 and not (told_to and code == 0):
            self._exit_code = 128 - code if code < 0 else code or 1
        if not told_to:
            self._stop()
