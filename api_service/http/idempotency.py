"""`Idempotency-Key`: a POST that is sent again gets the answer it got before, and does nothing again.

What is kept is what was done (2xx) and what the state did not allow (404, 409, 410). A request that is wrong in
itself is not: mended, it may be sent with the same key. After a 5xx the same request may be sent again at once.
"""

import dataclasses
import hashlib
from collections.abc import Iterable
from contextlib import aclosing
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_service.http.claims import Claim, Claims, Kept, MismatchError
from api_service.intake.multipart import boundary_of
from api_service.intake.uploads import FORM_OVERHEAD_BYTES, Upload
from shared.database import AWAY
from shared.errors import InvalidRequestError
from shared.observation.logs import get_logger

log = get_logger(__name__)

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"

_LONGEST_KEY: Final = 255
_KEPT: Final = frozenset({404, 409, 410})
_SAYS_WHAT: Final = (
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Defer-Length",
)  # bodies that are headers (tus)


class IdempotencyMiddleware:
    """Stands inside the gate: keys are a tenant's own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["method"] == "POST":
            request = Request(scope, receive)
            key = request.headers.get(HEADER)
            if key is not None:
                await self._once(request, _checked(key), send)
                return
        await self._app(scope, receive, send)

    async def _once(self, request: Request, key: str, send: Send) -> None:
        claims: Claims = request.state.services.claims
        is_form = request.headers.get("Content-Type", "").lower().startswith("multipart/form-data")
        body = None if is_form else await request.body()
        fingerprint = None if body is None else _fingerprint(request, body)
        found = await claims.claim(request.state.caller.tenant_id, key, fingerprint)
        if isinstance(found, Kept):
            if (fingerprint or await _fingerprint_of_form(request)) != found.fingerprint:
                raise MismatchError
            await _say(send, found.status, [*found.headers, (REPLAYED.lower(), "true")], found.body)
            return
        request.state.caller = dataclasses.replace(request.state.caller, claim=found)
        receive = request.receive if body is None else _said(body)
        answer = _Answer()
        async with claims.holding(found):
            await self._app(request.scope, receive, answer.send)
            await _settle(claims, found, answer)
        await _say(send, answer.status, answer.headers, answer.body)


class _Answer:
    """An answer, held back until it is settled what becomes of it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message["headers"]]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


async def _settle(claims: Claims, claim: Claim, answer: _Answer) -> None:
    """Keep the answer, or let the request be sent again."""
    try:
        if answer.status < 300 or answer.status in _KEPT:
            if not await claims.keep(claim, answer.status, answer.headers, answer.body):
                await claims.give_up(claim)
        elif answer.status < 500:
            await claims.give_up(claim)
        else:
            await claims.let_go(claim)
    except AWAY as error:  # it was done, and is found under its ids when it is sent again
        log.warning("an answer is not kept", reason=repr(error))


def _checked(key: str) -> str:
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidRequestError(
            f"In the header `{HEADER}`: must be 1 to {_LONGEST_KEY} printable ASCII characters, such as a UUID. "
            "Nothing was done."
        )
    return key


def _fingerprint(request: Request, body: bytes) -> bytes:
    parts = [request.method, request.scope["path"], request.scope["query_string"].decode("latin-1")]
    parts += [request.headers.get(name, "") for name in _SAYS_WHAT]
    return _digest([*(part.encode() for part in parts), body])


async def _fingerprint_of_form(request: Request) -> bytes:
    """The fingerprint of a form whose recording is read and stored nowhere."""
    limit: int = request.state.services.max_upload_bytes
    request.state.body_limit = limit + FORM_OVERHEAD_BYTES
    boundary = boundary_of(request.headers["Content-Type"])
    digest = hashlib.sha256()
    async with aclosing(request.stream()) as chunks:
        upload = Upload(chunks, boundary, max_bytes=limit, check=lambda _: None)
        await upload.open()
        async for chunk in upload.recording():
            digest.update(chunk)
    return upload.fingerprint(request.scope["path"], digest.hexdigest())


def _digest(parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:%b" % (len(part), part))
    return digest.digest()


def _said(body: bytes) -> Receive:
    """A `receive` that gives a body that was read before."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _say(send: Send, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})
