"""A recording on its way in: streamed to the object store, sniffed and checked before a byte of it is stored.

The text fields may stand before or after the file. What stands before is checked when the file begins, so that
a wrong option costs no upload; what stands after is checked before the stream to the store ends, so that the
store never makes a wrong upload visible: `ObjectStore.put` is atomic, and an error in its stream undoes it.
"""

import asyncio
import hashlib
import json
import unicodedata
from collections.abc import AsyncIterator, Callable
from typing import Final

from api_service.http.validation import wrong_field
from api_service.intake.forms import AUDIO, MAX_FIELDS_BYTES, FormFields
from api_service.intake.multipart import Event, Mark, PartBegin, read_parts
from shared.errors import (
    EmptyUploadError,
    TooLargeError,
    UnsupportedMediaError,
    UploadStalledError,
)
from shared.schemas.orders import SessionForm
from shared.sources.containers import HEAD_BYTES, Container, describe, sniff

FORM_OVERHEAD_BYTES: Final = 2 * MAX_FIELDS_BYTES
"""How much longer than its recording a request may be: the other fields, and the headers of all parts."""

_STALL_S: Final = 60.0
_MAX_NAME: Final = 255


class Upload:
    """One request's form. `open` first, then `recording` to its end, then `form` holds what was said."""

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        boundary: bytes,
        *,
        max_bytes: int,
        check: Callable[[SessionForm], None],
        stall_s: float = _STALL_S,
    ) -> None:
        """`check` refuses what no engine can do; it is called early, and again when more was said."""
        self.filename: str | None = None
        self.form = SessionForm()
        self._max_bytes = max_bytes
        self._check = check
        self._fields = FormFields()
        self._head = b""
        self._container: Container | None = None
        self._events = read_parts(awake(chunks, stall_s), boundary)

    @property
    def container(self) -> Container:
        """What the recording's first bytes are of."""
        if self._container is None:
            raise RuntimeError("the upload was not opened")
        return self._container

    async def open(self) -> None:
        """Read until the recording is known to be one; raises before anything has been stored.

        InvalidRequestError for wrong fields, EmptyUploadError, UnsupportedMediaError that says what the file is.
        """
        async for event in self._events:
            if not isinstance(event, PartBegin):
                continue
            if event.name == AUDIO:
                self.filename = _file_name(event)
                self._judge()
                await self._open_recording()
                return
            await self._field(event)
        raise wrong_field(AUDIO, "is missing: send the recording in it (curl -F audio=@file)")

    async def recording(self) -> AsyncIterator[bytes]:
        """The recording's bytes; raises TooLargeError beyond the limit, and at its end what is wrong with the rest."""
        size = len(self._head)
        self._bounded(size)
        yield self._head
        if not self._head_is_all:
            async for event in self._events:
                if not isinstance(event, bytes):
                    break
                size += len(event)
                self._bounded(size)
                yield event
        async for event in self._events:
            if isinstance(event, PartBegin):
                await self._field(event)
        self._judge()

    def fingerprint(self, path: str, sha256: str) -> bytes:
        """What tells this form from others, whatever its boundary and the order of its fields.

        `sha256` is that of the recording. Call when the form has been read to its end.
        """
        said = [path, self.filename, sha256, sorted(self._fields.values.items())]
        return hashlib.sha256(json.dumps(said).encode()).digest()

    async def _open_recording(self) -> None:
        """Hold the first bytes back until they tell what the file is."""
        head = bytearray()
        event: Event = b""
        async for event in self._events:
            if not isinstance(event, bytes):
                break
            head += event
            if len(head) >= HEAD_BYTES:
                break
        self._head, self._head_is_all = bytes(head), event is Mark.PART_END
        if not head:
            raise EmptyUploadError
        self._container = sniff(self._head)
        if self._container is None:
            raise no_recording(self._head)

    async def _field(self, part: PartBegin) -> None:
        if part.name == AUDIO:
            raise wrong_field(AUDIO, "is given twice: one recording a session")
        self._fields.expect(part.name)
        if part.filename is not None:
            raise wrong_field(part.name, "is a text field, not a file")
        value = bytearray()
        async for event in self._events:
            if not isinstance(event, bytes):
                break
            value += event
            self._fields.check_size(part.name, len(value))
        self._fields.add(part.name, bytes(value))

    def _judge(self) -> None:
        self.form = self._fields.build()
        self._check(self.form)

    def _bounded(self, size: int) -> None:
        if size > self._max_bytes:
            raise too_large(self._max_bytes)


def no_recording(head: bytes) -> UnsupportedMediaError:
    """The error about a file whose first bytes are of no recording."""
    return UnsupportedMediaError(
        f"The file is {describe(head)}, not a recording. Nothing was stored. Send audio or video: "
        "wav, mp3, m4a, mp4, ogg, webm, flac and their like."
    )


def too_large(max_bytes: int) -> TooLargeError:
    """The error about a recording over the limit."""
    return TooLargeError(
        f"The recording is over this server's limit of {_readable(max_bytes)}. Nothing was stored. Send it "
        "compressed (an hour of speech as m4a or ogg takes some 30 MB) or in parts.",
        max_bytes=max_bytes,
    )


def _readable(size: int) -> str:
    return (
        f"{size / 1024**3:.3g} GiB"
        if size >= 1024**3
        else f"{size / 1024**2:.3g} MiB"
        if size >= 1024**2
        else f"{size} bytes"
    )


def _file_name(part: PartBegin) -> str | None:
    """The file's name as it was given, without control characters; never used as a path."""
    if part.filename is None:
        raise wrong_field(AUDIO, "holds text, not a file: curl needs the @ in -F audio=@file")
    return shown_name(part.filename)


def shown_name(name: str) -> str | None:
    """A file's name without control characters, of bearable length; None where nothing is left."""
    return "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cs"})[:_MAX_NAME] or None


async def awake(chunks: AsyncIterator[bytes], stall_s: float = _STALL_S) -> AsyncIterator[bytes]:
    """The chunks; UploadStalledError where the client sends nothing for too long."""
    while True:
        try:
            async with asyncio.timeout(stall_s):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise UploadStalledError from None
        if chunk is None:
            return
        yield chunk
