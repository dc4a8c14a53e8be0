"""What is written in one turn of the loop leaves in one piece, in order, and before the connection closes."""

import asyncio
import socket

import pytest

from api_service.http.corking import CorkedTransport


class Pieces(asyncio.Transport):
    """Notes each write of a real transport below it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self.transport = transport
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        self.transport.write(data)

    def close(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def is_closing(self) -> bool:
        return self.transport.is_closing()


@pytest.fixture
async def ends() -> tuple[CorkedTransport, Pieces, socket.socket]:
    here, there = socket.socketpair()
    there.setblocking(False)
    transport, _ = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, here)
    pieces = Pieces(transport)
    return CorkedTransport(pieces), pieces, there


Ends = tuple[CorkedTransport, Pieces, socket.socket]


async def test_headers_and_body_are_one_write(ends: Ends) -> None:
    corked, pieces, there = ends
    for part in (b"headers", b"", b"body"):
        corked.write(part)
    assert pieces.written == []
    assert await asyncio.get_running_loop().sock_recv(there, 100) == b"headersbody"
    assert pieces.written == [b"headersbody"]
    corked.write(b"event")
    assert await asyncio.get_running_loop().sock_recv(there, 100) == b"event"
    corked.close()
    there.close()


async def test_a_close_sends_what_is_kept_and_an_abort_does_not(ends: Ends) -> None:
    corked, pieces, there = ends
    corked.write(b"last words")
    corked.close()
    corked.write(b"too late")
    await asyncio.sleep(0)
    assert pieces.written == [b"last words"]
    assert await asyncio.get_running_loop().sock_recv(there, 100) == b"last words"
    assert await asyncio.get_running_loop().sock_recv(there, 100) == b""
    there.close()


async def test_what_is_kept_at_an_abort_is_dropped(ends: Ends) -> None:
    corked, pieces, there = ends
    corked.write(b"half")
    corked.abort()
    await asyncio.sleep(0)
    assert pieces.written == []
    there.close()
