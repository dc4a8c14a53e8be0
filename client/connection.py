"""How the service is reached: its address and the key, from arguments or the environment."""

import importlib.metadata
import logging
import os
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from client.errors import ClientError

URL: Final = "TRANSCRIPTS_URL"
KEY: Final = "TRANSCRIPTS_API_KEY"
DEFAULT_URL: Final = "http://127.0.0.1:8000"

_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0, write=120.0)


class ConnectionSettingsError(ClientError):
    """The address or the key cannot be used."""

    code = "connection_settings"


def arguments(base_url: str | None, key: str | None) -> dict[str, Any]:
    """The arguments of an httpx client; ConnectionSettingsError where address or key cannot be sent."""
    _hide_queries()
    headers = {"User-Agent": f"transcripts-client/{version()}", "Accept": "application/json"}
    if base_url is None:  # a key goes to no other address than the one that it is set for
        base_url, key = os.environ.get(URL) or DEFAULT_URL, key or os.environ.get(KEY)
    if key:
        if not (key.isascii() and key.isprintable() and " " not in key.strip()):
            raise ConnectionSettingsError("The key holds characters that no key has. It is not shown here.")
        headers["Authorization"] = f"Bearer {key.strip()}"
    return {
        "base_url": checked(base_url),
        "headers": headers,
        "timeout": _TIMEOUT,
        "follow_redirects": True,
    }


class _WithoutQueries(logging.Filter):
    """httpx logs each address; those of a bucket are signed, and whoever has them has the recording."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, and of its addresses what is before the question mark."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                each.copy_with(query=None) if isinstance(each, httpx.URL) else each for each in record.args
            )
        return True


_FILTER: Final = _WithoutQueries()


def _hide_queries() -> None:
    logging.getLogger("httpx").addFilter(_FILTER)  # the same one is added once


def version() -> str:
    """The version of this client."""
    return importlib.metadata.version("coaching-transcripts")


def checked(url: str) -> str:
    """The address without a slash at its end; ConnectionSettingsError where it is none of a service."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConnectionSettingsError(
            "The address must look like https://transcripts.example or http://127.0.0.1:8000."
        )
    if parts.username or parts.password:
        raise ConnectionSettingsError(
            "The address must not hold a password: logs show addresses. Use the key."
        )
    return url.rstrip("/")
