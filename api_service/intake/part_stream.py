"""A request's body, cut into the parts that it is stored in; what came before it broke is kept."""

import time
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect

from api_service.intake.tus import Checksum
from shared.checksums import crc32c
from shared.errors import UploadStalledError

PART_BYTES: Final = 16 * 1024 * 1024
"""A part at most: what is sent again after a crash."""

PART_S: Final = 20.0
"""How long a part is gathered from a slow client at most."""


class PartStream:
    """The body as a row of streams. `error` is what broke it, to be raised once all parts are stored."""

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        *,
        room: int,
        crc32c_before: int,
        checksum: Checksum | None,
        part_bytes: int = PART_BYTES,
        part_s: float = PART_S,
    ) -> None:
        """At most `room` bytes are taken; `overflowed` says whether there were more."""
        self._chunks = chunks
        self._room = room
        self._checksum = checksum
        self._part_bytes = part_bytes
        self._part_s = part_s
        self._waiting = b""
        self._ended = False
        self.crc32c = crc32c_before
        self.taken = 0
        self.overflowed = False
        self.error: ClientDisconnect | UploadStalledError | None = None

    async def head(self, length: int) -> bytes:
        """The first bytes, `length` of them where the body has so many; they are still to be taken."""
        while len(self._waiting) < length and not self._ended:
            self._waiting += await self._next()
        return self._waiting[:length]

    async def more(self) -> bool:
        """Whether there is a byte to be stored."""
        while not self._waiting and not self._ended:
            self._waiting = await self._next()
        self.overflowed = bool(self._waiting) and self._room == self.taken
        return bool(self._waiting) and not self.overflowed

    async def part(self) -> AsyncIterator[bytes]:
        """The bytes of the next part; it ends with the body, with the room, when it is full, or after a while."""
        full, began = self.taken + min(self._part_bytes, self._room - self.taken), time.monotonic()
        while self.taken < full and await self.more():
            piece, self._waiting = (
                self._waiting[: full - self.taken],
                self._waiting[full - self.taken :],
            )
            self.taken += len(piece)
            self.crc32c = crc32c(piece, self.crc32c)
            if self._checksum is not None:
                self._checksum.update(piece)
            yield piece
            if time.monotonic() - began > self._part_s:
                return

    async def _next(self) -> bytes:
        try:
            chunk = await anext(self._chunks, None)
        except (ClientDisconnect, UploadStalledError) as error:
            self.error, chunk = error, None
        self._ended = chunk is None
        return chunk or b""
