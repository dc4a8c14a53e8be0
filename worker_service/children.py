"""Child processes that do CPU work or read hostile files: JSON lines in and out, limits, no orphans.

The parent side is `Child` (asyncio), the child side is `serve`. A request is one JSON object on the child's
stdin; the child answers with any number of `{"progress": {...}}` lines and one `{"result": {...}}` or
`{"error": {...}}` line.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from shared.errors import EngineError, MediaError, TranscriptsError

MAX_LINE_BYTES = 64 * 1024 * 1024
_STDERR_LINES = 40
_PR_SET_PDEATHSIG = 1
_PARENT = "CHILD_OF"  # the environment variable that tells a child its parent's pid

JsonObject = dict[str, Any]
Emit = Callable[[JsonObject], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the kernel lets a child have; None leaves a limit as it is."""

    memory_bytes: int | None = None  # address space
    cpu_seconds: int | None = None
    file_bytes: int | None = None  # the largest file it may write


class ChildDiedError(TranscriptsError):
    """A child process ended before it answered."""

    code = "child_died"
    transient = True

    def __init__(self, module: str, returncode: int | None, stderr: str) -> None:
        """Name the module, its exit code (negative: the signal that killed it), its last lines of stderr."""
        super().__init__(f"{module} ended with {returncode} before it answered")
        self.returncode = returncode
        self.stderr = stderr


class RemoteError(TranscriptsError):
    """An error that a child reported: its code, detail and transience as the child gave them."""

    code = "child_error"


class Child:
    """A child process running `python -m module`; it answers one request at a time."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self.module = module
        self._process = process
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._stderr_task = asyncio.create_task(self._keep_stderr(), name=f"stderr of {module}")

    @classmethod
    async def start(cls, module: str, *args: str, env: dict[str, str] | None = None) -> Self:
        """Start the child; it inherits our environment, with `env` over it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *args,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1", _PARENT: str(os.getpid())},
            limit=MAX_LINE_BYTES,
            start_new_session=True,  # a Ctrl-C in the terminal is the worker's to handle, not the child's
        )  # fmt: skip
        return cls(module, process)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child can be asked again."""
        return self._process.returncode is None

    async def ask(
        self, request: JsonObject, on_progress: Callable[[JsonObject], None] | None = None
    ) -> JsonObject:
        """Send one request and return its result; raises what the child raised, or ChildDiedError.

        A cancel or a broken answer kills the child: half an answer in the pipe would be taken for the next.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ChildDiedError(self.module, self._process.returncode, "")
        answered = False
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the read below tells why
                stdin.write(json.dumps(request).encode() + b"\n")
                await stdin.drain()
            while line := await stdout.readline():
                message = json.loads(line)
                if "progress" in message:
                    if on_progress is not None:
                        on_progress(message["progress"])
                    continue
                answered = True
                if "error" in message:
                    raise error_from(message["error"])
                result: JsonObject = message["result"]
                return result
        finally:
            if not answered:
                await self.kill()
        raise ChildDiedError(self.module, self._process.returncode, "\n".join(self._stderr))

    async def kill(self) -> None:
        """End the child now, with everything it started; returns when it is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await asyncio.gather(self._stderr_task, return_exceptions=True)

    async def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            self._stderr.append(line.decode(errors="replace").rstrip())


async def ask_once(
    module: str,
    request: JsonObject,
    *,
    on_progress: Callable[[JsonObject], None] | None = None,
    timeout_s: float | None = None,
) -> JsonObject:
    """Start a child, ask it one thing and end it; TimeoutError where it takes longer than `timeout_s`."""
    child = await Child.start(module)
    try:
        async with asyncio.timeout(timeout_s):
            return await child.ask(request, on_progress)
    finally:
        await child.kill()


def error_from(data: JsonObject) -> TranscriptsError:
    """The error class with the code that a child reported, so that it is handled as if raised here."""
    code, detail = str(data.get("code")), str(data.get("detail"))
    families: tuple[type[TranscriptsError], ...] = (MediaError, EngineError)
    for family in families:
        for cls in (family, *family.__subclasses__()):
            if cls.code == code:
                return cls(detail)
    error = RemoteError(detail)
    error.extra["code"] = code
    return error


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
        if os.getppid() != int(os.environ.get(_PARENT, os.getppid())):  # it died before the call
            os._exit(1)


def apply_limits(limits: Limits) -> None:
    """Lower what the kernel grants this process; macOS refuses some, and the timeout still holds there."""
    for what, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        if value is not None:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(what, (value, value))
