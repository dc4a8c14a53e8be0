"""Child processes that do CPU work or read hostile files: asked in JSON lines, killed on cancel, no orphans.

`worker_service.serving` is the child's side. A request is one JSON object on its stdin; it answers with any
number of `{"progress": {...}}` lines and one `{"result": {...}}` or `{"error": {...}}` line.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from typing import Final, Self

from shared import errors
from shared.errors import TranscriptsError
from shared.observation.logs import get_logger
from worker_service.serving import PARENT, JsonObject

log = get_logger(__name__)

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
_STDERR_LINES: Final = 40
_END_S: Final = 5.0  # how long a child that has said its last may take to end by itself
_NO_SECRETS: Final = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHON", "LC_", "LD_", "DYLD_")


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
    """An error that a child reported, with a code that is not known here."""

    code = "child_error"


class Child:
    """A child process running `python -m module`; it answers one request at a time."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self.module = module
        self._process = process
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._stderr_task = asyncio.create_task(self._keep_stderr(), name=f"stderr of {module}")

    @classmethod
    async def start(
        cls, module: str, *args: str, env: dict[str, str] | None = None, secrets: bool = True
    ) -> Self:
        """Start the child; it inherits our environment (without `secrets`: the harmless part), `env` over it."""
        inherited = {n: v for n, v in os.environ.items() if secrets or n.startswith(_NO_SECRETS)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *args,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**inherited, **(env or {}), "PYTHONUNBUFFERED": "1", PARENT: str(os.getpid())},
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
            while message := await _message(stdout):
                if "progress" in message:
                    if on_progress is not None:
                        on_progress(message["progress"])
                    continue
                answered = True
                if "error" in message:
                    raise error_from(message["error"])
                result: JsonObject = message["result"]
                return result
            await self._end()
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

    async def _end(self) -> None:
        """Give a child that closed its output the time to end, so that its own exit code is known."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self._process.wait()

    async def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            text = line.decode(errors="replace").rstrip()
            self._stderr.append(text)
            log.warning("a child process wrote", module=self.module, pid=self.pid, line=text)


async def _message(stdout: asyncio.StreamReader) -> JsonObject | None:
    """The child's next message; None where it ended, in the middle of one or not."""
    line = await stdout.readline()
    return json.loads(line) if line.endswith(b"\n") else None


async def ask_once(
    module: str,
    request: JsonObject,
    *,
    on_progress: Callable[[JsonObject], None] | None = None,
    timeout_s: float | None = None,
    secrets: bool = True,
) -> JsonObject:
    """Start a child, ask it one thing and end it; TimeoutError where it takes longer than `timeout_s`."""
    child = await Child.start(module, secrets=secrets)
    try:
        async with asyncio.timeout(timeout_s):
            return await child.ask(request, on_progress)
    finally:
        await child.kill()


def error_from(data: JsonObject) -> TranscriptsError:
    """The error class with the code that a child reported, so that it is handled as if raised here."""
    code, detail = str(data.get("code")), str(data.get("detail"))
    for cls in vars(errors).values():
        if isinstance(cls, type) and issubclass(cls, TranscriptsError) and cls.code == code:
            return cls(detail)
    return RemoteError(detail)
