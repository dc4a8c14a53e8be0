"""The headers of tus 1.0, the protocol of resumable uploads (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from api_service.http.validation import invalid
from api_service.intake.uploads import shown_name
from shared.checksums import crc32c, crc32c_value
from shared.errors import InvalidRequestError, TusVersionError, UnsupportedMediaError

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,expiration,termination"
BYTES: Final = "application/offset+octet-stream"

_MAX_METADATA: Final = 4096
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9.+_-]{1,100}/[A-Za-z0-9.+_-]{1,100}")


class _Crc32c:
    """CRC32C in the form of hashlib's."""

    def __init__(self) -> None:
        self._value = 0

    digest_size = 4

    def update(self, data: bytes, /) -> None:
        self._value = crc32c(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


# SHA-1 and MD5 are here because clients send them: they find accidents, and are no proof of anything.
_ALGORITHMS: Final[Mapping[str, Callable[[], "hashlib._Hash | _Crc32c"]]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32c": _Crc32c,
}
ALGORITHMS: Final = ",".join(_ALGORITHMS)


class Checksum:
    """What the bytes of one request have to come to."""

    def __init__(self, name: str, expected: bytes) -> None:
        self._hash = _ALGORITHMS[name]()
        self._expected = expected

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(data)

    def holds(self) -> bool:
        """Whether the bytes so far are the expected ones."""
        return self._hash.digest() == self._expected


@dataclass(frozen=True, slots=True)
class Announcement:
    """What `Upload-Metadata` says that we use, and the header as it was."""

    filename: str | None
    media_type: str | None
    crc32c: int | None
    header: str | None


def require_version(headers: Mapping[str, str]) -> None:
    """TusVersionError where the client does not say that it speaks this version."""
    if headers.get("Tus-Resumable") != VERSION:
        raise TusVersionError


def require_bytes(headers: Mapping[str, str]) -> None:
    """UnsupportedMediaError where the body is not said to be bytes of an upload."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != BYTES:
        raise UnsupportedMediaError(
            f"Send the bytes as {BYTES}, not as {kind or 'nothing'}. Nothing was stored."
        )


def number(headers: Mapping[str, str], name: str) -> int:
    """A header that is a whole number; InvalidRequestError where it is missing or none."""
    text = headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise _wrong(name, "must be a number of bytes")
    return int(text)


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """What `Upload-Checksum` asks for; None where there is none; InvalidRequestError."""
    header = headers.get("Upload-Checksum")
    if header is None:
        return None
    name, _, encoded = header.strip().partition(" ")
    if name not in _ALGORITHMS:
        raise _wrong("Upload-Checksum", f"must begin with one of {ALGORITHMS}")
    expected = _decoded(encoded, "Upload-Checksum")
    if len(expected) != _ALGORITHMS[name]().digest_size:
        raise _wrong("Upload-Checksum", f"must hold a whole {name} in base64")
    return Checksum(name, expected)


def announcement_of(headers: Mapping[str, str]) -> Announcement:
    """What `Upload-Metadata` says; InvalidRequestError where it is none, or is long."""
    header = headers.get("Upload-Metadata", "").strip() or None
    said = _pairs(header) if header else {}
    name = _text(said, "filename") or _text(said, "name") or ""
    kind = _text(said, "filetype") or _text(said, "type")
    sum_ = _text(said, "crc32c")
    if kind and not _MEDIA_TYPE.fullmatch(kind):
        raise _wrong("Upload-Metadata", "its `filetype` must be a media type, such as audio/mp4")
    try:
        return Announcement(shown_name(name), kind, crc32c_value(sum_) if sum_ else None, header)
    except (ValueError, binascii.Error):
        raise _wrong(
            "Upload-Metadata", "its `crc32c` must be four bytes in base64, encoded once more"
        ) from None


def http_date(moment: datetime) -> str:
    """A time as `Upload-Expires` writes it."""
    return format_datetime(moment, usegmt=True)


def _pairs(header: str) -> dict[str, bytes]:
    if len(header) > _MAX_METADATA:
        raise _wrong("Upload-Metadata", f"must be at most {_MAX_METADATA} characters")
    found: dict[str, bytes] = {}
    for pair in header.split(","):
        key, _, encoded = pair.strip().partition(" ")
        if not key or not key.isascii() or key in found:
            raise _wrong("Upload-Metadata", "must be pairs of a unique key and a value in base64, by comma")
        found[key] = _decoded(encoded, "Upload-Metadata")
    return found


def _text(said: Mapping[str, bytes], key: str) -> str | None:
    try:
        text = said.get(key, b"").decode()
    except UnicodeDecodeError:
        raise _wrong("Upload-Metadata", f"its `{key}` must be UTF-8") from None
    return text.strip() or None


def _decoded(encoded: str, header: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise _wrong(header, "must be base64") from None


def _wrong(header: str, message: str) -> InvalidRequestError:
    return invalid([{"loc": ("header", header), "msg": message}])
