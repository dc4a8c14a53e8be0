"""A stream that is read ahead: the same bytes in order, no more of them than agreed, and nobody left reading."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from shared.storage.read_ahead import read_ahead


class Source:
    """Chunks of ten bytes; knows how many were read, and whether somebody still waits for one."""

    def __init__(self, count: int, error: Exception | None = None, *, hangs: bool = False) -> None:
        self.read = 0
        self.closed = False
        self._count = count
        self._error = error
        self._hangs = hangs

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            for n in range(self._count):
                self.read += 1
                yield bytes([n]) * 10
                await asyncio.sleep(0)
            if self._error is not None:
                raise self._error
            if self._hangs:
                await asyncio.Event().wait()
        finally:
            self.closed = True


async def settled() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize("most", [1, 25, 10_000])
async def test_all_of_it_comes_in_order(count: int, most: int) -> None:
    got = [chunk async for chunk in read_ahead(Source(count).chunks(), most)]
    assert got == [bytes([n]) * 10 for n in range(count)]


async def test_it_is_read_while_the_reader_is_busy_and_only_so_far() -> None:
    source = Source(100)
    async with aclosing(read_ahead(source.chunks(), 50)) as ahead:
        await anext(ahead)
        await settled()
        assert source.read == 6  # one was taken, five are held
        await anext(ahead)
        await settled()
        assert source.read == 7


async def test_what_it_raises_comes_after_what_came_before() -> None:
    got: list[bytes] = []

    async def read() -> None:
        async for chunk in read_ahead(Source(3, ConnectionResetError()).chunks(), 1_000):
            await settled()
            got.append(chunk)

    with pytest.raises(ConnectionResetError):
        await read()
    assert len(got) == 3


async def test_whoever_breaks_off_ends_the_reading() -> None:
    source = Source(3, hangs=True)
    async with aclosing(read_ahead(source.chunks(), 1_000)) as ahead:
        await anext(ahead)
        await settled()
    assert source.closed


async def test_a_cancel_ends_the_reading() -> None:
    source = Source(1, hangs=True)

    async def read() -> None:
        async with aclosing(read_ahead(source.chunks(), 1_000)) as ahead:
            async for _ in ahead:
                pass

    reader = asyncio.create_task(read())
    await settled()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert source.closed
