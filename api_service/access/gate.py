"""The gate before all routes: nobody gets past it whom the entrance does not admit, nor stays who is not any more."""

import time
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.database import AWAY
from shared.errors import ForbiddenError, UnauthorizedError
from shared.observation.logs import get_logger

log = get_logger(__name__)

LOOK_AGAIN_S: Final = 15.0
"""How often the key of an open stream is looked at again: as often as an event stream says that it is still there."""


class GateMiddleware:
    """Puts the caller into the request's state; raises what the layer before it answers as a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            request = Request(scope)
            request.state.caller = await request.state.services.entrance.admit(request)
            if request.state.caller.key_id is not None:
                send = _Guarded(request, send).send
        await self._app(scope, receive, send)


class _Guarded:
    """An answer that ends early when it is a stream and its key is revoked or expires meanwhile."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request = request
        self._send = send
        self._endless = False
        self._ended = False
        self._looked_at = time.monotonic()

    async def send(self, message: Message) -> None:
        if self._ended:
            return  # the server tells the stream that nobody listens, and it stops
        if message["type"] == "http.response.start":
            self._endless = not any(name.lower() == b"content-length" for name, _ in message["headers"])
        elif self._endless and message.get("more_body") and await self._is_over():
            self._ended = True
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _is_over(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at < LOOK_AGAIN_S:
            return False
        self._looked_at = now
        try:
            await self._request.state.services.entrance.admit(self._request)
        except (UnauthorizedError, ForbiddenError):
            log.info("a stream ends: its key opens nothing any more", path=self._request.scope["path"])
            return True
        except AWAY as error:  # a store that is away ends no stream that was let in
            log.warning("the key of a stream is not looked at", reason=repr(error))
        return False
