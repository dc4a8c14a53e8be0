"""Whether somebody between here and a store can read what goes there, or can be the store."""

import asyncio
import ipaddress
import os
import socket
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from shared.examination.findings import Finding, note

_CLOSED: Final = frozenset({"verify-ca", "verify-full"})
_DATABASE_FIX: Final = (
    "End DATABASE_URL with ?sslmode=verify-full (and &sslrootcert=/path/ca.pem where the provider has an authority of "
    "its own), or reach it over a private network: docs/security.md"
)
_REDIS_FIX: Final = (
    "Begin REDIS_URL with rediss:// (and end it with ?ssl_ca_certs=/path/ca.pem where the provider has an authority of "
    "its own), or reach it over a private network: docs/security.md"
)


async def database(url: str) -> list[Finding]:
    """A note where Postgres is reached over public addresses without a look at its certificate."""
    parts = urlsplit(url)
    mode = dict(parse_qsl(parts.query)).get("sslmode") or os.environ.get("PGSSLMODE", "prefer")
    if mode in _CLOSED or not await _is_public(parts):
        return []
    if mode == "require":
        said = f"{parts.hostname} is a public host and sslmode=require looks at no certificate: whoever sits on the "
        said += "line can be it, and learns the password."
    else:
        said = (
            f"{parts.hostname} is a public host and sslmode={mode} insists on no encryption: passwords and "
        )
        said += "transcripts can be read on the way."
    return [note("Postgres", said, _DATABASE_FIX)]


async def redis(url: str) -> list[Finding]:
    """A note where Redis is reached over public addresses in the clear, or without a look at its certificate."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    unchecked = (
        options.get("ssl_cert_reqs") == "none" or options.get("ssl_check_hostname", "").lower() == "false"
    )
    if (parts.scheme == "rediss" and not unchecked) or not await _is_public(parts):
        return []
    said = f"{parts.hostname} is a public host, "
    if parts.scheme == "rediss":
        said += "and its certificate is not looked at: whoever sits on the line can be it, and learns the password."
        return [
            note(
                "Redis", said, "Take ssl_cert_reqs and ssl_check_hostname out of REDIS_URL: docs/security.md"
            )
        ]
    said += "and redis:// sends the password and the queue in the clear."
    return [note("Redis", said, _REDIS_FIX)]


async def _is_public(parts: SplitResult) -> bool:
    """Whether any address of the host is one of the internet; a host that is not found is none."""
    if not parts.hostname:
        return False  # a socket of this machine
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global for *_, address in found)
