"""The console's static files: read once, compressed once, under an address that changes with what is in them.

All share one hash, so that a script finds the ones it imports beside it.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from api_service.http.responses import digest
from shared.errors import NotFoundError

PREFIX: Final = "/console/static"
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, and the same compressed."""

    content: bytes
    compressed: bytes
    media_type: str


@cache
def _all() -> dict[str, Asset]:
    return dict(_found(files("api_service.console") / "static", ""))


def _found(folder: Traversable, prefix: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = prefix + each.name
        if each.is_dir():
            found += _found(each, f"{name}/")
        elif (kind := _TYPES.get(name.rpartition(".")[2])) is not None:
            content = each.read_bytes()
            found.append((name, Asset(content, gzip.compress(content, 9, mtime=0), kind)))
    return found


@cache
def version() -> str:
    """The hash of all files together."""
    return digest(b"".join(name.encode() + b"\0" + asset.content for name, asset in _all().items()))[:12]


def url(name: str) -> str:
    """The address of a file; KeyError for one that is not there, so that a page cannot name it."""
    _ = _all()[name]
    return f"{PREFIX}/{version()}/{name}"


def asset(name: str) -> Asset:
    """The file; NotFoundError."""
    try:
        return _all()[name]
    except KeyError:
        raise NotFoundError from None
