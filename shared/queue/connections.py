"""Connections to Redis that give up a command in time, never swallow a cancel, and cost little.

redis-py 5 bounds its writes with `asyncio.wait_for`, which on Python 3.11 loses a cancel that arrives in the
moment in which the write ends: a worker that is told to stop would go on. `asyncio.timeout` does not, and it
costs no task a command.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

_NEVER_WAITS: Final = 60_000  # bytes: asyncio takes so many at once, whatever the network does


class _Prompt(AbstractConnection):
    """Bounds each wait by `patience_s`; redis-py's own limit stays off."""

    def __init__(self, *, patience_s: float, **options: Any) -> None:
        super().__init__(**options)
        self._patience_s = patience_s

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if sum(map(len, command)) < _NEVER_WAITS:
            await super().send_packed_command(command, check_health)
            return
        async with self._bounded():
            await super().send_packed_command(command, check_health)

    async def read_response(self, *args: Any, **options: Any) -> Any:
        async with self._bounded():
            return await super().read_response(*args, **options)

    async def can_read_destructive(self) -> bool:
        """Whether the server closed the connection, which the event loop has noticed by now.

        redis-py's own look at the socket goes round the loop twice before every command, for answers that
        nobody read; here there are none, since a command that is given up closes its connection.
        """
        return self._reader is None or self._reader.at_eof()

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience_s):
                yield
        except TimeoutError as error:  # the cancel inside has closed the connection
            raise RedisTimeoutError(f"Redis did not answer within {self._patience_s:g} s") from error


class _Tcp(_Prompt, Connection):
    pass


class _Tls(_Prompt, SSLConnection):
    pass


class _Unix(_Prompt, UnixDomainSocketConnection):
    pass


_PROMPT: Final[dict[Any, Any]] = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def make_prompt(pool: ConnectionPool, *, patience_s: float) -> None:
    """From now on the pool makes connections that give up after `patience_s` seconds without an answer."""
    pool.connection_class = _PROMPT[pool.connection_class]
    pool.connection_kwargs["patience_s"] = patience_s
