"""A load of HTTP/1.1 requests over kept connections, in a process of its own: `python -m benchmarks.poll.load`.

Prints one JSON line: requests, seconds, and the 50th and 99th percentile in milliseconds.
"""

import asyncio
import json
import sys
import time
from typing import Any


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is whole."""

    def __init__(self, requests: list[bytes], until: float, times: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests, self._until, self._times = requests, until, times
        self._n = self._sent = 0.0
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of one; those that are measured have a length or no body."""
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        status = head[9:12]
        if status not in (b"200", b"304"):
            self.done.set_exception(RuntimeError(head.decode()))
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if len(rest) < length and status == b"200":
            return
        self._buffer = b""
        self._times.append(time.perf_counter() - self._sent)
        if time.perf_counter() < self._until:
            self._next()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        """An end before its time is an error."""
        if not self.done.done():
            self.done.set_exception(RuntimeError("the server closed the connection"))

    def _next(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._requests[int(self._n) % len(self._requests)])
        self._n += 1


async def run(
    host: str, port: int, connections: int, seconds: float, requests: list[bytes]
) -> dict[str, float]:
    """Send for `seconds`; returns what is printed."""
    loop, times = asyncio.get_running_loop(), list[float]()
    began = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: Connection(requests, began + seconds, times), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(each.done for each in made))
    took = time.perf_counter() - began
    times.sort()
    return {
        "requests": len(times),
        "seconds": took,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
    }


if __name__ == "__main__":
    order = json.loads(sys.stdin.read())
    print(
        json.dumps(
            asyncio.run(
                run("127.0.0.1", order["port"], order["connections"], order["seconds"],
                    [each.encode() for each in order["requests"]])
            )
        )
    )  # fmt: skip
