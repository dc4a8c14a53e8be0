"""Google's quota of calls a minute, shared by all workers: a token bucket in Redis.

In any minute at most the burst and what flows in may be taken, so both together stay under the quota. Some tokens
are kept for urgent calls: who cancels does not wait for those who only look.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from arq.connections import ArqRedis
from redis.exceptions import RedisError

from shared.observation.logs import get_logger

log = get_logger(__name__)

_TAKE: Final = """
local rate, most, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(most, (tonumber(state[1]) or most) + (now - (tonumber(state[2]) or now)) * rate)
local wait = 0
if tokens - kept >= 1 then tokens = tokens - 1 else wait = math.ceil((kept + 1 - tokens) / rate) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], 120000)
return wait
"""
_BURST_SHARE: Final = 15  # of the quota
_MARGIN: Final = 2  # calls that arrive closer together than they were sent
_ALONE: Final = 4  # without Redis nobody knows how many we are: a share of the quota each
_REDIS_AGAIN_S: Final = 5.0


@dataclass(slots=True)
class _Bucket:
    """The same bucket in this process's memory."""

    rate: float  # tokens a millisecond
    most: float
    tokens: float
    at: float

    def take(self, now_ms: float, kept: float) -> float:
        """0 where a token was taken, else after how many milliseconds there may be one."""
        self.tokens = min(self.most, self.tokens + (now_ms - self.at) * self.rate)
        self.at = now_ms
        if self.tokens - kept >= 1:
            self.tokens -= 1
            return 0.0
        return (kept + 1 - self.tokens) / self.rate


class CallBudget:
    """One quota: so many calls a minute, whoever makes them."""

    def __init__(
        self,
        redis: ArqRedis | None,
        key: str,
        *,
        per_minute: int,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`redis` None: this process is alone. `waited` is told how many seconds each call had to wait."""
        self._waited = waited
        self._take = None if redis is None else redis.register_script(_TAKE)
        self._key = key
        self._most = float(max(1, per_minute // _BURST_SHARE))
        self._kept = self._most // 2
        self._rate = max(1.0, per_minute - self._most - _MARGIN) / 60_000
        shares = 1 if redis is None else _ALONE
        most = max(2.0, self._most / shares)
        self._own = _Bucket(self._rate / shares, most, most, _now_ms())
        self._without_redis_until = float("inf") if redis is None else 0.0

    @property
    def calls_a_second(self) -> float:
        """What flows in, for all workers together."""
        return self._rate * 1_000

    async def take(self, *, urgent: bool = False) -> None:
        """Wait until a call may be made. Urgent ones may use what is kept for them."""
        asked_ms = _now_ms()
        wait_ms = await self._try(urgent=urgent)
        while wait_ms > 0:
            await asyncio.sleep(wait_ms / 1_000 * random.uniform(1.0, 1.2))  # noqa: S311  (jitter, no secret)
            wait_ms = await self._try(urgent=urgent)
        self._waited((_now_ms() - asked_ms) / 1_000)

    async def _try(self, *, urgent: bool) -> float:
        now = _now_ms()
        if self._take is not None and now >= self._without_redis_until:
            kept = 0.0 if urgent else self._kept
            try:
                return float(await self._take(keys=[self._key], args=[self._rate, self._most, kept]))
            except (RedisError, OSError) as error:
                log.warning(
                    "Redis is away: calls to Google are counted by this worker alone", reason=repr(error)
                )
                self._without_redis_until = now + _REDIS_AGAIN_S * 1_000
        return self._own.take(now, 0.0 if urgent else self._own.most // 2)


def _now_ms() -> float:
    return time.monotonic() * 1_000
