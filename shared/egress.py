"""Requests to addresses that callers name: to public ones alone, checked when they are resolved, and used as checked.

A name is resolved once for a request, every address of it must be public, and the connection goes to one of those
addresses: a name that leads elsewhere a moment later (DNS rebinding) changes nothing. No redirect is followed here;
whoever follows one by a request of its own has it checked again.
"""

import asyncio
import ipaddress
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

import httpx

from shared.errors import TranscriptsError

MAX_URL: Final = 2048

_RESOLVE_S: Final = 5.0
_MOST_ADDRESSES: Final = 4
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NOT_ANYONE_S: Final = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2002::/16"))  # is_global has them as public
)


class AddressRefusedError(TranscriptsError):
    """The address is not one that this server sends requests to."""

    code = "address_refused"
    status = 422


class UnresolvedError(TranscriptsError):
    """The host's name leads nowhere now."""

    code = "unresolved"
    transient = True


def check_url(url: str, *, allow_private: bool) -> None:
    """Refuse what could never be requested: AddressRefusedError. Names are looked up only when they are used.

    `allow_private` (TRANSCRIPTS_ALLOW_PRIVATE_ADDRESSES) lets plain http and addresses of one's own network pass.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise AddressRefusedError("The address is no URL.") from None
    if len(url) > MAX_URL or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise AddressRefusedError(f"The address is longer than {MAX_URL} characters, or holds spaces.")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
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
    if not (allow_private or is_public(literal)):
        raise AddressRefusedError(f"{host} is not a public address.")


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether the address is one of the public internet: not this machine, its network, or a metadata service."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(address.packed[-4:]))
        if address not in _UNICAST:
            return False
    if any(address in network for network in _NOT_ANYONE_S if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


async def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host; AddressRefusedError where one is not public, UnresolvedError where there is none."""
    try:
        async with asyncio.timeout(_RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise UnresolvedError(f"The name {host} leads to no address now.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for each in addresses:
        if not allow_private and not is_public(ipaddress.ip_address(each.partition("%")[0])):
            raise AddressRefusedError(f"The name {host} does not lead to a public address.")
    return addresses[:_MOST_ADDRESSES]


class PublicTransport(httpx.AsyncBaseTransport):
    """httpx's transport for addresses that callers name; use it in a client that follows no redirects.

    Connections are used once: one to an address is not the one to another name at the same address.
    """

    def __init__(
        self, *, allow_private: bool, connections: int = 64, tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls`: whom to trust, in the place of the usual authorities."""
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(limits=limits, trust_env=False, verify=tls or True)
        self._allow_private = allow_private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Resolve, check, and send to what was checked; the next address where one does not take the connection."""
        url, host = request.url, request.url.raw_host.decode("ascii").strip("[]")
        check_url(str(url), allow_private=self._allow_private)
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await resolve(host, port, allow_private=self._allow_private)
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
