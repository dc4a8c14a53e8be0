"""Where a recording may be fetched from: web addresses that lead to the public internet, and to nothing inside.

A service that fetches what others name can be made to reach what only it can reach: databases, metadata servers,
other tenants' hosts. So a URL is taken apart here, by the API when it comes in and by the worker at every redirect,
and every address that a name resolves to is judged before, and at, the connection (`worker_service.sources.fetching`).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL: Final = 4096
_PORTS: Final = {"http": 80, "https": 443}

# Forms in which IPv6 carries an IPv4 address: what such an address reaches is decided by somebody's gateway.
# And what Python's tables of 3.11 call global although it is not the open internet.
_NEVER: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4",
        "240.0.0.0/4", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2002::/16",
        "3fff::/20", "5f00::/16", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: what is connected to."""

    scheme: str
    host: str
    port: int


def target_of(url: str, allowed: Sequence[Network] = ()) -> Target:
    """Where the URL leads; ValueError, with words for the caller, where that is no place to fetch from.

    Names are not resolved here; an address in the place of a name is judged at once.
    """
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(f"must be a URL of at most {MAX_URL} printable ASCII characters (encode others)")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("must be a URL") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("must begin with https:// or http://, and name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or a password")
    port = _PORTS[parts.scheme] if port is None else port
    if port not in _PORTS.values() and port < 1024:
        raise ValueError("must lead to port 80, 443, or one from 1024 on")
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        pass
    else:
        if not may_reach(literal, allowed):
            raise ValueError("must lead to the public internet")
    return Target(parts.scheme, parts.hostname, port)


def may_reach(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether the address is of the public internet, or of a network that was allowed in spite of that."""
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks by comma; ValueError where one is none."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
