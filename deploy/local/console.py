"""What the local stack writes on the terminal: its own lines, and the services' logs merged into one."""

import contextlib
import os
import re
import sys
import threading
from typing import Final, TextIO

from deploy.local.processes import OnLine

_COLOURS: Final = {"api": "36", "worker": "35", "postgres": "34", "redis": "33"}
_TROUBLE: Final = {
    "postgres": re.compile(r"\b(WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|STATEMENT):"),
    "redis": re.compile(r" # (?!WARNING Memory overcommit|\w+ is now ready to exit)"),
}
_WIDTH: Final = max(len(name) for name in _COLOURS)
_WARNING: Final = re.compile(r"\[warning|\bWARNING\b", re.I)
_ERROR: Final = re.compile(r"\[(error|critical)|\b(ERROR|FATAL|PANIC)\b|^Traceback|^\w+(\.\w+)*Error\b")


class Console:
    """A terminal or a file; whole lines only, whichever thread writes them."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._coloured = self._out.isatty() and not os.environ.get("NO_COLOR")

    def say(self, text: str = "") -> None:
        """Write a text of our own."""
        self._write(text)

    def bold(self, text: str) -> str:
        """The text as a heading."""
        return self._paint(text, "1")

    def dim(self, text: str) -> str:
        """The text as something less important."""
        return self._paint(text, "2")

    def log_of(self, name: str) -> OnLine:
        """What takes the lines of a service and writes them behind its name; of a server, only those of trouble."""
        prefix = self._paint(f"{name:{_WIDTH}} │", _COLOURS.get(name, "37"))
        wanted = _TROUBLE.get(name)

        def write(line: str) -> None:
            if wanted is None or wanted.search(line):
                self._write(f"{prefix} {self._by_severity(line)}")

        return write

    def _by_severity(self, line: str) -> str:
        if _ERROR.search(line):
            return self._paint(line, "31")
        return self._paint(line, "33") if _WARNING.search(line) else line

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured else text

    def _write(self, text: str) -> None:
        # A terminal that was closed must not keep the stack from stopping.
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._out.write(text + "\n")
            self._out.flush()
