"""Forgery: a change that a browser sends with a cookie has to come from a page of ours, and prove it.

Three locks: the cookies are SameSite=Strict; the browser itself says from where the request comes (Sec-Fetch-Site, or
Origin where it is older or the address is plain HTTP); and the page knows a token that belongs to the visit's cookie.
"""

import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from api_service.http.responses import digest
from shared.errors import ForbiddenError

HEADER: Final = "X-Console-Token"
_COOKIE: Final = "console_visit"
_PAD: Final = 12


def visit_of(request: Request) -> str:
    """What this browser's visit is known by; made where there is none yet."""
    known = request.cookies.get(_COOKIE) or getattr(request.state, "visit", None)
    if not known:
        known = request.state.visit = secrets.token_urlsafe(24)
    return str(known)


def token_of(request: Request) -> str:
    """What a page of this visit sends in HEADER; another at each call, so that compression tells nothing of it."""
    pad = secrets.token_bytes(_PAD)
    return pad.hex() + _masked(pad, bytes.fromhex(digest(visit_of(request).encode()))).hex()


def keep_visit(request: Request, response: Response) -> None:
    """Give the browser the cookie of a visit that began with this request."""
    if _COOKIE not in request.cookies:
        set_cookie(request, response, _COOKIE, visit_of(request))


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, max_age_s: int | None = None
) -> None:
    """A cookie that no script reads and no other site has sent."""
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        path="/",
        secure=_under_tls(request),
        httponly=True,
        samesite="strict",
    )


def _under_tls(request: Request) -> bool:
    """Whether the browser speaks TLS, to us or to what stands before us; who pretends it harms only its own cookie."""
    passed_on = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip()
    return "https" in {request.url.scheme, passed_on}


def refuse_forged(request: Request) -> None:
    """ForbiddenError unless the request comes from a page of ours."""
    refuse_other_sites(request)
    if _COOKIE not in request.cookies or not _is_token(request, request.headers.get(HEADER, "")):
        raise ForbiddenError(
            "The page is too old to be believed. Nothing was changed; reload it and try again."
        )


def refuse_other_sites(request: Request) -> None:
    """ForbiddenError where the browser says that a page of another site sends this, or does not say."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        origin = request.headers.get("Origin", "")
        ours = urlsplit(origin).netloc == request.headers.get("Host") != ""
    else:
        ours = site == "same-origin"
    if not ours:
        raise ForbiddenError("This was not sent by a page of the console. Nothing was changed.")


def _is_token(request: Request, token: str) -> bool:
    try:
        sent = bytes.fromhex(token)
    except ValueError:
        return False
    expected = bytes.fromhex(digest(visit_of(request).encode()))
    return hmac.compare_digest(_masked(sent[:_PAD], sent[_PAD:]), expected)


def _masked(pad: bytes, value: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(pad, value, strict=False))
