"""The child's side of `worker_service.children`: answers what its parent asks, under limits; dies with it.

It loads neither asyncio nor the log, which would take longer than many a recording.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import TranscriptsError

PARENT: Final = "CHILD_OF"
"""The environment variable that tells a child its parent's pid."""

_PR_SET_PDEATHSIG: Final = 1

JsonObject = dict[str, Any]
Emit = Callable[[JsonObject], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the kernel lets a child have; None leaves a limit as it is."""

    memory_bytes: int | None = None  # address space
    cpu_seconds: int | None = None
    file_bytes: int | None = None  # the largest file it may write
    open_files: int | None = None


def serve(handle: Callable[[JsonObject, Emit], JsonObject], limits: Limits | None = None) -> None:
    """The child's main loop: answer requests from stdin until it closes; dies with its parent."""
    die_with_parent()
    if limits is not None:
        apply_limits(limits)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a library that prints must not write into the answers

    def send(message: JsonObject) -> None:
        answers.write(json.dumps(message, separators=(",", ":")) + "\n")
        answers.flush()

    for line in sys.stdin:
        try:
            result = handle(json.loads(line), lambda progress: send({"progress": progress}))
        except TranscriptsError as error:
            send({"error": error.as_dict()})
        else:
            send({"result": result})


def die_with_parent() -> None:
    """Have the kernel end this process when its parent dies (Linux; elsewhere a closed stdin has to do)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(os.environ.get(PARENT, os.getppid())):  # it died before the call
            os._exit(1)


def apply_limits(limits: Limits) -> None:
    """Lower what the kernel grants this process; macOS refuses some, and the timeout still holds there."""
    for what, value, grace in (
        (resource.RLIMIT_AS, limits.memory_bytes, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds, 5),  # SIGXCPU comes first, and tells the parent why
        (resource.RLIMIT_FSIZE, limits.file_bytes, 0),
        (resource.RLIMIT_NOFILE, limits.open_files, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        if value is not None:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(what, (value, value + grace))
