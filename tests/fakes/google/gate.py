"""The way in for every HTTP request: latency, faults, authorisation, counting, and errors in Google's shape."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.fakes.google.faults import TO_BODIES, Fault, Faults
from tests.fakes.google.objects import StorageRefusal
from tests.fakes.google.signing import Account
from tests.fakes.google.state import State
from tests.fakes.google.uploads import CutOffError

Endpoint = Callable[[Request], Awaitable[Response]]
Name = str | Callable[[Request], str]
_TRANSPORTS: Final[dict[tuple[str, int], asyncio.Transport]] = {}


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1, with the transports in reach, so that a fault can reset a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection by its peer."""
        _TRANSPORTS[transport.get_extra_info("peername")[:2]] = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        _TRANSPORTS.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


class Gate:
    """Wraps endpoints; `advance` is called before each, so that operations are as far as the clock is."""

    def __init__(self, state: State, faults: Faults, account: Account, advance: Callable[[], None]) -> None:
        self._state = state
        self._faults = faults
        self._account = account
        self._advance = advance

    def served(self, name: Name, endpoint: Endpoint, *, xml: bool = False, open_: bool = False) -> Endpoint:
        """The endpoint under the name that faults and counts use for a request; `open_` ones need no token."""

        async def serve(request: Request) -> Response:
            called = name if isinstance(name, str) else name(request)
            response = await self._answer(called, endpoint, request, xml=xml, open_=open_)
            self._state.count(called, str(response.status_code))
            return response

        return serve

    async def _answer(
        self, name: str, endpoint: Endpoint, request: Request, *, xml: bool, open_: bool
    ) -> Response:
        text = f"{request.method} {request.url}"
        await asyncio.sleep(self._state.settings.http_latency_ms / 1_000)
        before = await self._faults.strike(name, "before", text)
        if before and before.do not in TO_BODIES:
            return await _fail(request, before, xml)
        request.state.fault = before
        try:
            if self._state.settings.require_auth and not open_:
                self._account.check_token(request.headers.get("authorization"))
            self._advance()
            response = await endpoint(request)
        except StorageRefusal as refusal:
            response = refused(refusal, xml=xml)
        except CutOffError:
            return await reset(request)
        after = await self._faults.strike(name, "after", text)
        return await _fail(request, after, xml) if after else response


async def reset(request: Request, *, flush: bool = False) -> Response:
    """Drop the connection, with `flush` after what was sent; the response returned goes nowhere."""
    peer = (request.client.host, request.client.port) if request.client else ("", 0)
    if transport := _TRANSPORTS.get(peer):
        end = transport.close if flush else transport.abort
        end()
    while peer in _TRANSPORTS:
        await asyncio.sleep(0.001)
    return Response(status_code=499)


def refused(refusal: StorageRefusal, *, xml: bool) -> Response:
    """An error as the JSON API or the XML API writes it."""
    if refusal.status == 304:
        return Response(status_code=304)
    if xml:
        body = (
            "<?xml version='1.0' encoding='UTF-8'?><Error>"
            f"<Code>{escape(refusal.reason)}</Code><Message>{escape(refusal.message)}</Message></Error>"
        )
        return Response(body, refusal.status, media_type="application/xml; charset=UTF-8")
    error: dict[str, Any] = {
        "code": refusal.status,
        "message": refusal.message,
        "errors": [{"message": refusal.message, "domain": "global", "reason": refusal.reason}],
    }
    return JSONResponse({"error": error}, refusal.status)


async def _fail(request: Request, fault: Fault, xml: bool) -> Response:
    if fault.do == "reset":
        return await reset(request)
    status = fault.code if isinstance(fault.code, int) else 503
    return refused(StorageRefusal(status, fault.message, "backendError"), xml=xml)
