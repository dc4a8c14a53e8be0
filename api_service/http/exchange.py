"""Around every request: its id, its log line, a bound on its body, and an answer whatever happens."""

import asyncio
import re
import time
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_service.console import troubles
from api_service.http.errors import PROBLEM_JSON, problem_body
from api_service.observation.metrics import UNMATCHED
from shared.ids import new_id
from shared.observation import telemetry
from shared.observation.logs import bind, get_logger

log = get_logger(__name__)

MAX_BODY_BYTES: Final = 64 * 1024
"""The longest body that is read, unless a route sets `request.state.body_limit` before it reads."""

_LINGER_S: Final = 5.0
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.{,200})?")
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")
QUIET: Final = frozenset({"/healthz", "/readyz"})
_UNFORESEEN: Final = (
    "Something went wrong that the service did not foresee. What was accepted before is kept. "
    "Try again, and give the request id to whoever runs the service."
)


class ExchangeMiddleware:
    """The outermost layer of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            await _Exchange(scope, receive, send).run(self._app)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        given = headers.get("X-Request-Id", "")
        self._id = given if _SANE_ID.fullmatch(given) else new_id().hex
        # uvicorn sends no body to a HEAD, by its own copy of the scope; a route only has to know GET.
        self._head = scope["method"] == "HEAD"
        self._scope = {**scope, "method": "GET"} if self._head else scope
        self._method = scope["method"]
        self._receive = receive
        self._send = send
        self._state = scope.setdefault("state", {})
        trace = headers.get("traceparent", "").strip()
        self._trace = trace if _TRACEPARENT.fullmatch(trace) else None
        self._state |= {
            "request_id": self._id,
            "traceparent": self._trace,
            "body_limit": MAX_BODY_BYTES,
            "head": self._head,
        }
        self._body_ended = "transfer-encoding" not in headers and headers.get("content-length", "0") == "0"
        self._received = 0
        self._status = 0
        self._began = time.monotonic()

    async def run(self, app: ASGIApp) -> None:
        trace = telemetry.traceparent() or self._trace
        if trace is None:
            bind(request_id=self._id)
        else:
            bind(request_id=self._id, trace_id=telemetry.trace_id_of(trace))
        telemetry.annotate(**{"request.id": self._id})
        try:
            await app(self._scope, self.receive, self.send)
        except Exception:
            log.exception("unforeseen error", path=self._scope["path"])
            if self._status:
                raise  # an answer that breaks off tells the client that it is not whole
            await self._apologise()
        finally:
            self._log()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._body_ended = not message.get("more_body", False)
            self._received += len(message.get("body", b""))
            limit = self._state["body_limit"]
            if limit is not None and self._received > limit:
                raise HTTPException(413)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._id
            headers["X-Content-Type-Options"] = "nosniff"
            if self._status == HTTPStatus.NO_CONTENT:
                del headers["Content-Type"]  # the framework's, of the body that there is not
            headers.setdefault(
                "Cache-Control", "no-store"
            )  # what people say in confidence stays out of caches
            if not self._body_ended:
                headers["Connection"] = "close"
            await self._send(message)
            if self._head:  # ends a stream too, which else would go on for nobody
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        if self._head:
            return
        if not message.get("more_body", False) and not self._body_ended:
            await self._linger(message)
            return
        await self._send(message)

    async def _linger(self, last: Message) -> None:
        """Answer at once, yet read on for a moment before the connection closes.

        A client that is refused in the middle of its upload still sends. Closing on it makes its system drop the
        answer with a reset, and people see a broken connection instead of the reason (F41).
        """
        await self._send({**last, "more_body": True})
        try:
            async with asyncio.timeout(_LINGER_S):
                while not self._body_ended:
                    message = await self._receive()
                    self._body_ended = not message.get("more_body", False)  # also where the client went away
        except TimeoutError:
            pass
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _apologise(self) -> None:
        kind, body = self._apology()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def _apology(self) -> tuple[str, bytes]:
        request = Request(self._scope)
        if troubles.wants_page(request):
            return troubles.HTML, troubles.last_resort(request, _UNFORESEEN, self._id)
        return PROBLEM_JSON, problem_body("internal", 500, _UNFORESEEN, self._scope["path"], self._id)

    def _log(self) -> None:
        path = self._scope["path"]
        write = log.debug if path in QUIET else log.info
        took_ms = round((time.monotonic() - self._began) * 1000)
        write("request", method=self._method, path=path, status=self._status, ms=took_ms)
        route = getattr(self._scope.get("route"), "path", UNMATCHED)
        seconds = time.monotonic() - self._began
        self._state["services"].metrics.observe(self._method, route, self._status, seconds, self._received)
