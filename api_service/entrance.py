"""Who is let in: the caller behind a request, by its key, or, where there are no keys, because it is from here."""

import ipaddress
import re
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from api_service.access import needed_scope
from api_service.authentication import Authenticator
from api_service.callers import Caller
from shared.errors import ForbiddenError, UnauthorizedError
from shared.scopes import Scope
from shared.tenants import DEFAULT_TENANT

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


class Entrance:
    """Lets requests in, or raises UnauthorizedError or ForbiddenError."""

    def __init__(self, authenticator: Authenticator | None, *, only_from_here: bool) -> None:
        """Without an authenticator everyone is the default tenant; `only_from_here`: everyone on this machine."""
        self._authenticator = authenticator
        self._only_from_here = only_from_here

    async def admit(self, request: Request) -> Caller:
        """The caller; one without scopes where the path is public."""
        needed = needed_scope(request.method, request.scope["path"])
        if needed is None:
            return _caller(request, DEFAULT_TENANT)
        if self._authenticator is None:
            _refuse_strangers(request, only_from_here=self._only_from_here)
            return _caller(request, DEFAULT_TENANT, scopes=frozenset(Scope))
        key = await self._authenticator.key_of(_bearer(request))
        if needed not in key.scopes:
            has = ", ".join(sorted(key.scopes))
            raise ForbiddenError(
                f"This needs a key with the scope {needed}; this one has {has}.", scope=needed
            )
        return _caller(request, key.tenant_id, key_id=key.id, scopes=key.scopes)


@lru_cache(maxsize=1_024)
def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if kind.lower() != "bearer" or not token:
        raise UnauthorizedError
    return token.strip()


def _refuse_strangers(request: Request, *, only_from_here: bool) -> None:
    """Refuse what a web page somewhere else has a browser send.

    A name of the page's own may lead to 127.0.0.1 (DNS rebinding), and a form of any page may be posted here. Where
    something else lets people in, names are its own, and a link to here may be followed.
    """
    strange = request.headers.get("Sec-Fetch-Site") == "cross-site"
    if only_from_here:
        named = "//" + request.headers.get("Host", "")
        origin = request.headers.get("Origin", named)
        strange = strange or not (is_loopback(_host_of(named)) and is_loopback(_host_of(origin)))
    elif request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate":
        strange = False
    if strange:
        raise ForbiddenError(
            "Without keys this API answers to no web page of another site, and, unless it is told otherwise, only to "
            "this machine, asked for as 127.0.0.1 or localhost. Set TRANSCRIPTS_PEPPER and make a key to open it: "
            "docs/security.md."
        )


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _caller(request: Request, tenant_id: str, **known: object) -> Caller:
    trace = request.headers.get("traceparent", "").strip()
    return Caller(
        tenant_id=tenant_id,
        request_id=request.state.request_id,
        traceparent=trace if len(trace) <= 256 and _TRACEPARENT.fullmatch(trace) else None,
        **known,  # type: ignore[arg-type]
    )
