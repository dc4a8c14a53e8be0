"""The gate before all routes: nobody gets past it whom the entrance does not admit."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send


class GateMiddleware:
    """Puts the caller into the request's state; raises what the layer before it answers as a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            request = Request(scope)
            request.state.caller = await request.state.services.entrance.admit(request)
        await self._app(scope, receive, send)
