"""Connections to Redis that give up a command in time and never swallow a cancel.

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


class _Prompt(AbstractConnection):
    """Bounds each write and each wait for an answer by `patience_s`; redis-py's own limit stays off."""

    def __init__(self, *, patience_s: float, **options: Any) -> None:
        super().__init__(**options)
        self._patience_s = patience_s

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        async with self._bounded():
            await super().send_packed_command(command, check_health)

    async def read_response(self, *args: Any, **options: Any) -> Any:
        async with self._bounded():
            return await super().read_response(*args, **options)

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
