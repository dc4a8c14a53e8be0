"""A stream that goes on being read while its reader is busy."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator


async def read_ahead(chunks: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes, None]:
    """The chunks in order; of those that nobody has taken yet, `most` bytes and one chunk are held at most.

    What the stream raises comes after the chunks before it. Whoever breaks off closes this generator, which ends the
    reading.
    """
    held = _Held(chunks, most)
    reading = asyncio.create_task(held.fill())
    reading.add_done_callback(lambda _: held.arrived.set())
    try:
        while True:
            while held.chunks:
                yield held.take()
            if reading.done():
                reading.result()
                return
            held.arrived.clear()
            await held.arrived.wait()
    finally:
        reading.cancel()
        await asyncio.wait([reading])


class _Held:
    """The chunks that were read and not taken."""

    def __init__(self, source: AsyncIterator[bytes], most: int) -> None:
        self._source = source
        self._most = most
        self._bytes = 0
        self._room = asyncio.Event()
        self.chunks: deque[bytes] = deque()
        self.arrived = asyncio.Event()

    async def fill(self) -> None:
        async for chunk in self._source:
            self.chunks.append(chunk)
            self._bytes += len(chunk)
            self.arrived.set()
            while self._bytes >= self._most:
                self._room.clear()
                await self._room.wait()

    def take(self) -> bytes:
        chunk = self.chunks.popleft()
        self._bytes -= len(chunk)
        self._room.set()
        return chunk
