"""Requests to addresses that callers name: to public ones alone, checked when they are resolved, and used as checked.

A name is resolved once for a request, every address of it must be public, and the connection goes to one of those
addresses: a name that leads elsewhere a moment later (DNS rebinding) changes nothing. No redirect is followed here;
whoever follows one by a request of its own has it checked again.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import httpx

from shared.errors import TranscriptsError
from shared.sources.addresses import Network, may_reach

MAX_URL: Final = 2048

_RESOLVE_S: Final = 5.0
_MOST_ADDRESSES: Final = 4


class AddressRefusedError(TranscriptsError):
    """The address is not one that this server sends requests to."""

    code = "address_refused"
    status = 422


class UnresolvedError(TranscriptsError):
    """The host's name leads nowhere now."""

    code = "unresolved"
    transient = True


def check_url(url: str, allowed: Sequence[Network] = ()) -> None:
    """Refuse what could never be requested: AddressRefusedError. Names are looked up only when they are used.

    `allowed` (TRANSCRIPTS_FETCH_NETWORKS): private networks that may be reached; with any, plain http passes too.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise AddressRefusedError("The address is no URL.") from None
    if len(url) > MAX_URL or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise AddressRefusedError(f"The address is longer than {MAX_URL} characters, or holds spaces.")
    if parts.scheme != "https" and not (allowed and parts.scheme == "http"):
        raise AddressRefusedError("The address must begin with https://.")
    if not host or port == 0:
        raise AddressRefusedError("The address names no host.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefusedError("The address must hold no user name and no password.")
    if parts.fragment:
        raise AddressRefusedError("The address must not have a part after #.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return
    if not may_reach(literal, allowed):
        raise AddressRefusedError(f"{host} is not a public address.")


async def resolve(host: str, port: int, allowed: Sequence[Network] = ()) -> list[str]:
    """The addresses of a host; AddressRefusedError where one is not public, UnresolvedError where there is none."""
    try:
        async with asyncio.timeout(_RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise UnresolvedError(f"The name {host} leads to no address now.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for each in addresses:
        if not may_reach(ipaddress.ip_address(each.partition("%")[0]), allowed):
            raise AddressRefusedError(f"The name {host} does not lead to a public address.")
    return addresses[:_MOST_ADDRESSES]


class PublicTransport(httpx.AsyncBaseTransport):
    """httpx's transport for addresses that callers name; use it in a client that follows no redirects.

    Connections are used once: one to an address is not the one to another name at the same address.
    """

    def __init__(
        self, allowed: Sequence[Network] = (), *, connections: int = 64, tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls`: whom to trust, in the place of the usual authorities."""
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(limits=limits, trust_env=False, verify=tls or True)
        self._allowed = allowed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Resolve, check, and send to what was checked; the next address where one does not take the connection."""
        url, host = request.url, request.url.raw_host.decode("ascii").strip("[]")
        check_url(str(url), self._allowed)
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await resolve(host, port, self._allowed)
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_pinned(request, address, host))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_pinned(request, addresses[-1], host))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _pinned(request: httpx.Request, address: str, host: str) -> httpx.Request:
    """The request to an address; its Host header and its certificate are those of the name."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
