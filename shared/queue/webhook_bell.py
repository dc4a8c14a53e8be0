"""The bell of webhooks: what was committed to be delivered wakes a worker; losing a ring costs one poll.

A list of tokens, on which one listener of each worker blocks: one token wakes one worker, which takes all that is due.
"""

import asyncio
from typing import Final

from arq.connections import ArqRedis
from redis.exceptions import RedisError

from shared.observation.logs import get_logger
from shared.queue import names

log = get_logger(__name__)

_TOKENS: Final = 4  # kept at most, where nobody listens
_PAUSE_S: Final = 0.05  # a hundred ends of jobs in it are one ring
_LISTEN_S: Final = 3  # shorter than the connection's timeout


class WebhookBell:
    """Rings for deliveries, and hears the rings of others."""

    def __init__(self, redis: ArqRedis, queue: str = names.DEFAULT_QUEUE) -> None:
        self._redis = redis
        self._key = names.webhooks_key(queue)
        self._wanted = False
        self._ringing: asyncio.Task[None] | None = None

    def poke(self) -> None:
        """Ring soon, after a commit that may have queued deliveries; a Redis that is away is left to the poll."""
        self._wanted = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring_while_wanted())

    async def listen(self, heard: asyncio.Event, *, again_s: float) -> None:
        """Set `heard` at every ring until cancelled; a Redis that is away is tried again after `again_s`."""
        connection = self._redis.client()  # for good: it is blocked most of the time
        try:
            while True:
                try:
                    if await connection.blpop([self._key], timeout=_LISTEN_S):  # type: ignore[misc]  # typed for both clients
                        heard.set()
                except (RedisError, OSError):
                    await asyncio.sleep(again_s)
        finally:
            await connection.aclose()

    async def ring(self) -> None:
        """Ring now."""
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.rpush(self._key, "1")
                pipe.ltrim(self._key, -_TOKENS, -1)
                await pipe.execute()
        except (RedisError, OSError) as error:
            log.warning("webhooks are not rung for, left to the poll", reason=repr(error))

    async def _ring_while_wanted(self) -> None:
        while self._wanted:
            self._wanted = False
            await self.ring()
            await asyncio.sleep(_PAUSE_S)
