"""Notes who read what was said, and who changed what: before the first byte of an answer leaves.

Noted are all requests that change something, and reads of what is inside a session: transcript, recording, speakers,
search, exports, and the pages that show them. A read that cannot be noted is not answered. Lists, polls and single
sessions or jobs are not noted, nor are the pieces of an upload: its session is.
"""

import time
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_service.access.audit_records import ANONYMOUS, note
from api_service.access.callers import Caller
from shared.database import AWAY, Pool
from shared.observation.logs import get_logger

log = get_logger(__name__)

_LOOKS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WITHIN: Final = "/v1/sessions/{session_id}/"
_CONTENT: Final = frozenset(
    {"/v1/search", "/v1/exports", "/v1/ops/audit", "/console/search", "/console/operate/audit"}
)
_PAGES_WITHIN: Final = "/console/sessions/{session_id}"
_CHANGES: Final = ("/v1/", "/console/")
_OF_THE_BROWSER: Final = frozenset({"/console/sign-out", "/console/language", "/console/theme"})
_PIECES: Final = ("/v1/uploads", "/console/upload/")
_SAME_READ_S: Final = 60.0  # players ask for a recording in many ranges: once a minute is enough
_MOST_REMEMBERED: Final = 10_000
_LONGEST: Final = 8_000


def is_audited(method: str, route: str) -> bool:
    """Whether requests to a route, by its template, are noted; a route that is new is, if it changes something."""
    if method in _LOOKS:
        return method == "GET" and (route.startswith((_WITHIN, _PAGES_WITHIN)) or route in _CONTENT)
    return route.startswith(_CHANGES) and not route.startswith(_PIECES) and route not in _OF_THE_BROWSER


class AuditMiddleware:
    """The innermost layer: what it notes has been carried out, or is about to be answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ranges: dict[tuple[str, str], float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] == "OPTIONS" or scope["state"].get("head"):
            await self._app(scope, receive, send)
            return

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(Request(scope), message["status"])
            await send(message)

        await self._app(scope, receive, noted)

    async def _note(self, request: Request, status: int) -> None:
        route = getattr(request.scope.get("route"), "path", "")
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None or status >= 400 or status == 304 or not is_audited(request.method, route):
            return
        if status == 206 and self._goes_on(caller, request.scope["path"]):
            return
        pool: Pool = request.state.services.pool
        try:
            await note(
                pool,
                tenant_id=caller.tenant_id,
                actor=actor_of(caller),
                action=getattr(request.scope["route"], "name", request.method),
                path=_address_of(request),
                session_id=_session_of(request),
                status=status,
                request_id=caller.request_id,
                address=request.client.host if request.client else None,
            )
        except (*AWAY, asyncpg.PostgresError):
            if request.method == "GET":
                raise
            # It is done: refusing the answer would only have it asked for again.
            log.exception("not in the audit trail", path=request.scope["path"], actor=actor_of(caller))

    def _goes_on(self, caller: Caller, path: str) -> bool:
        """Whether this is a further part of a recording that the caller reads already."""
        now, key = time.monotonic(), (actor_of(caller), path)
        if now - self._ranges.get(key, -_SAME_READ_S) < _SAME_READ_S:
            return True
        if len(self._ranges) >= _MOST_REMEMBERED:
            self._ranges.clear()
        self._ranges[key] = now
        return False


def actor_of(caller: Caller) -> str:
    """The id of the caller's key; `anonymous` where there are none."""
    return str(caller.key_id) if caller.key_id else ANONYMOUS


def _address_of(request: Request) -> str:
    """The path, and what was asked for: which format, which sessions; not what was searched for."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "q"]
    path: str = request.scope["path"]
    return f"{path}?{urlencode(asked)}"[:_LONGEST] if asked else path


def _session_of(request: Request) -> UUID | None:
    try:
        return UUID(str(request.path_params.get("session_id", "")))
    except ValueError:
        return None
