"""The layer that refuses a tenant's requests beyond its limits, and tells every request how it stands."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_service.http.errors import problem
from api_service.http.rate_limits import Standing, class_of
from shared.errors import RateLimitedError


class RateLimitMiddleware:
    """Stands inside the gate: who has no key is not counted, since nothing tells one caller from another."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        request = Request(scope) if scope["type"] == "http" else None
        if request is None or request.state.caller.key_id is None:
            await self._app(scope, receive, send)
            return
        kind = class_of(request.method, scope["path"])
        standing: Standing | None = await request.state.services.limits.hit(
            request.state.caller.tenant_id, kind
        )
        if standing is None:
            await self._app(scope, receive, send)
        elif standing.within:
            await self._app(scope, receive, _telling(send, standing))
        else:
            await problem(request, _refusal(standing), standing.headers)(scope, receive, send)


def _telling(send: Send, standing: Standing) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(standing.headers)
        await send(message)

    return told


def _refusal(standing: Standing) -> RateLimitedError:
    return RateLimitedError(
        f"Your tenant has sent more than {standing.limit.amount} requests of the class {standing.kind} in "
        f"{standing.limit.get_expiry()} s. Nothing was done; send it again in {standing.reset_s} s.",
        retry_after_s=standing.reset_s,
    )
