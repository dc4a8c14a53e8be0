"""One write to the socket for one answer: uvicorn writes headers and body apart, and each write is a system call.

A third of what a poll costs is the kernel's part of sending. What is written within one turn of the event loop is
kept together until its end, and leaves in the same turn, so nothing waits: an event of a stream is sent as soon as
before.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class CorkedTransport(asyncio.Transport):
    """A transport that collects what is written until the turn of the loop ends."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._kept: list[bytes | bytearray | memoryview[Any]] = []

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Keep the data for the end of this turn."""
        if not data:
            return
        if not self._kept:
            self._loop.call_soon(self._flush)
        self._kept.append(data)

    def close(self) -> None:
        """Send what is kept, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what is kept is dropped, as what the transport has not sent."""
        self._kept.clear()
        self._transport.abort()

    def _flush(self) -> None:
        kept, self._kept = self._kept, []
        if kept and not self._transport.is_closing():
            self._transport.write(kept[0] if len(kept) == 1 else b"".join(kept))

    # The rest is the transport's own -------------------------------------------------------------------

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows of its socket."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._transport.set_protocol(protocol)


class CorkedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, writing through a corked transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection."""
        super().connection_made(CorkedTransport(transport))
