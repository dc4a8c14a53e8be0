"""A multipart/form-data body as a stream of parts, parsed while it arrives; one chunk is in memory at a time.

Starlette's own form parser writes files to a temporary file before a handler sees them. Here a handler sees the
bytes as they come, so that they go straight to the object store, and a wrong upload is refused at its first bytes.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from shared.errors import InvalidRequestError, UnsupportedMediaError

_PARAMETER: Final = re.compile(rb';\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
_ENDED_EARLY: Final = (
    "The form ended before its closing boundary: the upload was cut off. Nothing was stored; send it again."
)


@dataclass(frozen=True, slots=True)
class PartBegin:
    """A part begins: the field's name, and the file's name where the part is a file."""

    name: str
    filename: str | None


class Mark(Enum):
    """Where a part ends."""

    PART_END = "part end"


Event: TypeAlias = PartBegin | bytes | Mark
"""A part is a PartBegin, any number of bytes, and Mark.PART_END."""


def boundary_of(content_type: str) -> bytes:
    """The boundary that a request's Content-Type names.

    Raises UnsupportedMediaError for another type, InvalidRequestError where there is no boundary.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMediaError(
            f"Send the recording as multipart/form-data, not as {kind.decode('latin-1') or 'nothing'}: "
            "curl -F audio=@file. Nothing was stored."
        )
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:  # RFC 2046, section 5.1.1
        raise InvalidRequestError(
            "The Content-Type names no usable boundary. Let the HTTP library write that header by itself. "
            "Nothing was stored."
        )
    return boundary


async def read_parts(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Event]:
    """The events of the body; InvalidRequestError where it is no such form, or is cut off."""
    events = _Events()
    parser = events.parser(boundary)
    async for chunk in chunks:
        try:
            parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequestError(
                "The body is not the form that its Content-Type announces: check the boundary. Nothing was stored."
            ) from error
        for event in events.take():
            yield event
    if not events.complete:
        raise InvalidRequestError(_ENDED_EARLY)


class _Events:
    """Collects what the parser calls back, until it is taken."""

    def __init__(self) -> None:
        self.complete = False
        self._ready: list[Event] = []
        self._header = b""
        self._value = b""
        self._disposition = b""

    def parser(self, boundary: bytes) -> MultipartParser:
        """A parser that calls back here."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def take(self) -> list[Event]:
        """The events since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def _part_begin(self) -> None:
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        self._ready.append(_begin(self._disposition))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._ready.append(data[start:end])

    def _part_end(self) -> None:
        self._ready.append(Mark.PART_END)

    def _end(self) -> None:
        self.complete = True


def _begin(disposition: bytes) -> PartBegin:
    """Read a part's Content-Disposition, as browsers, curl, and clients of RFC 5987 write it."""
    parameters = {key.lower(): value for key, value in _PARAMETER.findall(disposition)}
    if not disposition.lower().startswith(b"form-data") or b"name" not in parameters:
        raise InvalidRequestError("A part of the form has no name. Nothing was stored.")
    filename = _extended(parameters[b"filename*"]) if b"filename*" in parameters else None
    if filename is None and b"filename" in parameters:
        filename = _plain(parameters[b"filename"])
    return PartBegin(_plain(parameters[b"name"]), filename)


def _plain(value: bytes) -> str:
    """A parameter's text: browsers write `"` as %22, curl as backslash and quote; bytes are UTF-8 or Latin-1."""
    value = value.strip()
    if len(value) >= 2 and value.startswith(b'"') and value.endswith(b'"'):
        value = re.sub(rb'\\(["\\])', rb"\1", value[1:-1]).replace(b"%22", b'"')
    return _decoded(value)


def _extended(value: bytes) -> str | None:
    """The text of an RFC 5987 value, `utf-8''na%C3%AFve.wav`; None where it is none."""
    charset, _, rest = value.strip().strip(b'"').partition(b"'")
    _language, quote, encoded = rest.partition(b"'")
    if not quote or charset.lower() not in {b"utf-8", b"iso-8859-1"}:
        return None
    return _decoded(unquote_to_bytes(encoded))


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
