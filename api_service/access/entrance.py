"""Who is let in: the caller behind a request, by its key, by the console's cookie, or, without keys, from here."""

import ipaddress
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request

from api_service.access.authentication import Authenticator
from api_service.access.callers import Caller
from api_service.access.key_records import KeyRecord
from api_service.access.needs import needed_scope
from api_service.console.sign_ins import SignIns
from api_service.console.visits import refuse_forged
from shared.errors import ForbiddenError, UnauthorizedError
from shared.observation import telemetry
from shared.scopes import Scope
from shared.tenants import DEFAULT_TENANT

_CONSOLE: Final = "/console/"
_METRICS: Final = "/metrics"  # tells that the database is away, and nothing of anybody's sessions
_LOOKS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSED_ON: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


class Entrance:
    """Lets requests in, or raises UnauthorizedError or ForbiddenError."""

    def __init__(
        self,
        authenticator: Authenticator | None,
        *,
        only_from_here: bool,
        sign_ins: SignIns | None = None,
        console_key: str | None = None,
    ) -> None:
        """Without an authenticator everyone is the default tenant; `only_from_here`: everyone on this machine.

        `sign_ins` reads the console's cookie; `console_key` is what it signs this machine's own browsers in with.
        """
        self._authenticator = authenticator
        self._only_from_here = only_from_here
        self._sign_ins = sign_ins
        self._console_key = console_key

    async def admit(self, request: Request) -> Caller:
        """The caller; one without scopes where the path is public."""
        needed = needed_scope(request.method, request.scope["path"])
        if needed is None:
            return _caller(request, DEFAULT_TENANT)
        caller = await self.recognise(request)
        if needed not in caller.scopes:
            request.state.caller = caller  # for the page that says so
            has = ", ".join(sorted(caller.scopes))
            raise ForbiddenError(
                f"This needs a key with the scope {needed}; this one has {has}.", scope=needed
            )
        return caller

    async def recognise(self, request: Request) -> Caller:
        """The caller, whatever it may do; UnauthorizedError, and ForbiddenError for what a page elsewhere sends."""
        if self._authenticator is None:
            _refuse_strangers(request, only_from_here=self._only_from_here)
            if request.scope["path"].startswith(_CONSOLE) and request.method not in _LOOKS:
                refuse_forged(request)
            return _caller(request, DEFAULT_TENANT, scopes=frozenset(Scope))
        key = await self._key(request, self._authenticator)
        return _caller(request, key.tenant_id, key_id=key.id, scopes=key.scopes)

    async def key_of_this_machine(self, request: Request) -> UUID | None:
        """The key that the console takes by itself for a browser on this machine; None anywhere else."""
        from_here = request.client is not None and is_loopback(request.client.host)
        passed_on = any(name in request.headers for name in _PASSED_ON)
        if self._authenticator is None or self._console_key is None or passed_on or not from_here:
            return None
        if not is_loopback(_host_of("//" + request.headers.get("Host", ""))):
            return None
        try:
            return (await self._authenticator.key_of(self._console_key)).id
        except UnauthorizedError:  # it was revoked: others may still be typed in
            return None

    async def _key(self, request: Request, authenticator: Authenticator) -> KeyRecord:
        """The key that the request names, or that its browser has signed in with."""
        if "Authorization" in request.headers or self._sign_ins is None:
            outlast = request.scope["path"] == _METRICS
            return await authenticator.key_of(_bearer(request), outlast=outlast)
        signed_in_with = self._sign_ins.read(request)
        if signed_in_with is None:
            raise UnauthorizedError
        if request.method not in _LOOKS:
            refuse_forged(request)
        return await authenticator.key_with_id(signed_in_with)


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
    return Caller(
        tenant_id=tenant_id,
        request_id=request.state.request_id,
        traceparent=telemetry.traceparent() or request.state.traceparent,
        **known,  # type: ignore[arg-type]
    )
