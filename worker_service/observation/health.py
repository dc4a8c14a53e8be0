"""A small HTTP server in the worker's own loop: whether it lives, whether it takes jobs, and its metrics.

For platforms that ask (Cloud Run, Kubernetes) and for Prometheus. A worker whose heartbeat has stopped says 503; in the
place of a loop that stands still, a thread says it (`worker_service.observation.stalls`).
"""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import h11

from shared.errors import SetupError
from shared.observation.logs import get_logger
from worker_service.observation.stalls import StallAnswers

log = get_logger(__name__)

STALE_S: Final = 60.0
"""A heartbeat is written every 3 s, or fails within the 30 s of a statement's limit: what is older hangs."""

_WEB_PORT: Final = "8080"
_PATIENCE_S: Final = 5.0
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_PULSE_S: Final = 1.0

Answer = tuple[int, str, bytes]


class Pulse:
    """When the worker's loops last came round, and how late the event loop was."""

    def __init__(self, lagged: Callable[[float], None]) -> None:
        self._lagged = lagged
        self._beat_at = self._looped_at = time.monotonic()

    def beat(self) -> None:
        """A loop of the worker has come round."""
        self._beat_at = time.monotonic()

    @property
    def age_s(self) -> float:
        """How long ago that was."""
        return time.monotonic() - self._beat_at

    @property
    def stalled_s(self) -> float:
        """How long the event loop has not come round, in seconds; less than two where all is well."""
        return time.monotonic() - self._looped_at

    async def run(self) -> None:
        """Measure the event loop's lag until cancelled."""
        while True:
            wanted = time.monotonic() + _PULSE_S
            await asyncio.sleep(_PULSE_S)
            self._looped_at = time.monotonic()
            self._lagged(self._looped_at - wanted)


class HealthServer:
    """Answers `/healthz`, `/readyz` and `/metrics`; one request a connection."""

    def __init__(self, *, pulse: Pulse, takes_jobs: Callable[[], bool], metrics: Callable[[], bytes]) -> None:
        self._pulse = pulse
        self._takes_jobs = takes_jobs
        self._metrics = metrics

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve while the context is open; gives the port. SetupError where the address is taken."""
        listening = _listen(host, port)
        stalls = StallAnswers(listening, lambda: self._pulse.stalled_s)
        async with await asyncio.start_server(self._serve, sock=listening):
            bound = int(listening.getsockname()[1])
            log.info("health is served", url=f"http://{host}:{bound}/healthz")
            stalls.start()
            try:
                yield bound
            finally:
                await asyncio.to_thread(stalls.stop)

    def answer(self, path: str) -> Answer:
        """Status, content type and body."""
        match path:
            case "/healthz":
                alive = self._pulse.age_s < STALE_S
                return _json(alive, "alive" if alive else f"no heartbeat for {self._pulse.age_s:.0f} s")
            case "/readyz":
                ready = self._takes_jobs()
                return _json(ready, "takes jobs" if ready else "draining: takes no more jobs")
            case "/metrics":
                return 200, _TEXT, self._metrics()
        return 404, _JSON, b'{"detail":"There are /healthz, /readyz and /metrics."}'

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, h11.ProtocolError):
            async with asyncio.timeout(_PATIENCE_S):
                connection = h11.Connection(h11.SERVER, max_incomplete_event_size=8_192)
                request = await _request(connection, reader)
                if request is not None:
                    writer.write(self._response(connection, request))
                    await writer.drain()
        writer.close()

    def _response(self, connection: h11.Connection, request: h11.Request) -> bytes:
        path = request.target.decode("ascii", "replace").partition("?")[0]
        if request.method in (b"GET", b"HEAD"):
            status, kind, body = self.answer(path)
        else:
            status, kind, body = 405, _JSON, b'{"detail":"Only GET."}'
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close")]
        head = connection.send(h11.Response(status_code=status, headers=headers))
        shown = b"" if request.method == b"HEAD" else connection.send(h11.Data(data=body))
        return (head or b"") + (shown or b"")


def web_port() -> int:
    """The port that a platform of web services names in PORT, else the usual 8080; SetupError where it is none.

    It is no setting of workers: in an `.env` that both services read, it is the API's.
    """
    named = os.environ.get("PORT", _WEB_PORT)
    if not named.isdecimal() or int(named) > 65_535:
        raise SetupError(f"PORT: {named!r} is not a port: give a number from 0 to 65535.")
    return int(named)


def _listen(host: str, port: int) -> socket.socket:
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise SetupError(
            f"{host}:{port} cannot be bound for the worker's health ({error.strerror}). Choose another "
            "TRANSCRIPTS_HEALTH_PORT, or none."
        ) from error
    listening.setblocking(False)
    return listening


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The request's head; None where the client sent none."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        connection.receive_data(await reader.read(4_096))


def _json(good: bool, detail: str) -> Answer:
    body = {"status": "ok" if good else "unavailable", "detail": detail}
    return 200 if good else 503, _JSON, json.dumps(body).encode()
