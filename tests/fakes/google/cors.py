"""What a bucket's `cors` lets the pages of other origins do, as browsers are told: preflights and answers.

Source: Cloud Storage's page on cross-origin resource sharing; a bucket without rules lets no page do anything.
"""

from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.fakes.google.objects import Objects, StorageRefusal


class Cors:
    """Wraps the fake's HTTP application."""

    def __init__(self, app: ASGIApp, objects: Objects) -> None:
        self._app = app
        self._objects = objects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        asked = Headers(scope=scope) if scope["type"] == "http" else Headers()
        origin = asked.get("origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        preflight = scope["method"] == "OPTIONS"
        method = asked.get("access-control-request-method", "") if preflight else scope["method"]
        rule = self._rule(scope["path"], origin, method)
        if preflight:
            await Response(headers=_allowed(rule, origin))(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_allowed(rule, origin))
            await send(message)

        await self._app(scope, receive, told)

    def _rule(self, path: str, origin: str, method: str) -> dict[str, Any] | None:
        try:
            rules: Iterable[dict[str, Any]] = self._objects.bucket(path.split("/")[1]).get("cors", ())
        except StorageRefusal:
            return None
        fits = (r for r in rules if {"*", origin} & set(r["origin"]) and {"*", method} & set(r["method"]))
        return next(fits, None)


def _allowed(rule: dict[str, Any] | None, origin: str) -> dict[str, str]:
    if rule is None:
        return {}
    headers = ", ".join(rule.get("responseHeader", ()))
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ", ".join(rule["method"]),
        "Access-Control-Allow-Headers": headers,
        "Access-Control-Expose-Headers": headers,
        "Access-Control-Max-Age": str(rule.get("maxAgeSeconds", 3600)),
    }
