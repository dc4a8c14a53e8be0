"""Whether somebody between here and a store can read what goes there, or can be the store."""

import asyncio
import ipaddress
import os
import socket
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from shared.examination.findings import Finding, Grade, told
from shared.sources.addresses import may_reach

_CLOSED: Final = frozenset({"verify-ca", "verify-full"})


async def database(url: str) -> list[Finding]:
    """A note where Postgres is reached over public addresses without a look at its certificate."""
    parts = urlsplit(url)
    mode = dict(parse_qsl(parts.query)).get("sslmode") or os.environ.get("PGSSLMODE", "prefer")
    if mode in _CLOSED or not await _is_public(parts):
        return []
    if mode == "require":
        return [told(Grade.NOTE, "postgres_unchecked", host=parts.hostname)]
    return [told(Grade.NOTE, "postgres_in_the_clear", host=parts.hostname, mode=mode)]


async def redis(url: str) -> list[Finding]:
    """A note where Redis is reached over public addresses in the clear, or without a look at its certificate."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    unchecked = (
        options.get("ssl_cert_reqs") == "none" or options.get("ssl_check_hostname", "").lower() == "false"
    )
    if (parts.scheme == "rediss" and not unchecked) or not await _is_public(parts):
        return []
    code = "redis_unchecked" if parts.scheme == "rediss" else "redis_in_the_clear"
    return [told(Grade.NOTE, code, host=parts.hostname)]


async def _is_public(parts: SplitResult) -> bool:
    """Whether any address of the host is one of the internet; a host that is not found is none."""
    if not parts.hostname:
        return False  # a socket of this machine
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(may_reach(ipaddress.ip_address(str(address[0]).partition("%")[0])) for *_, address in found)
