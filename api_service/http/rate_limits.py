"""How many requests a tenant may send, by class of route: counted in Redis by `limits`, for all replicas together.

A sliding window of two counters, so that no burst of twice the limit fits around a window's edge. Where Redis is
away, everyone is let through: limits protect from haste, and the queue's own door from too much work.
"""

import asyncio
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from shared.observation.logs import get_logger
from shared.queue.client import connect
from shared.queue.names import limits_prefix
from shared.settings import ApiSettings

log = get_logger(__name__)

_PATIENCE_S: Final = 0.25
_REST_S: Final = 5.0  # how long Redis is not asked again after it did not answer
_CONNECTIONS: Final = 16
_SHARES: Final = (
    200  # a process takes this part of a limit at once, so limits of fewer are counted one by one
)
_OLD_S: Final = 2.0
_MOST_REMEMBERED: Final = 10_000
_SUBMITS: Final = re.compile(r"/v1/(sessions|uploads|sessions/[^/]+/jobs|jobs/[^/]+/retry)|/console/sample")


class RouteClass(StrEnum):
    """What is counted together; the names stand in the RateLimit headers."""

    READ = "read"
    WRITE = "write"
    SUBMIT = "submit"


def class_of(method: str, path: str) -> RouteClass:
    """The class of a request: what makes work for the engines, what changes something else, what looks."""
    if method in {"GET", "HEAD", "OPTIONS"}:
        return RouteClass.READ
    return RouteClass.SUBMIT if method == "POST" and _SUBMITS.fullmatch(path) else RouteClass.WRITE


@dataclass(frozen=True, slots=True)
class Standing:
    """How a tenant stands in a class: whether the request is within, what is left, and when there is more."""

    within: bool
    kind: RouteClass
    limit: RateLimitItem
    remaining: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """The RateLimit headers, as the IETF drafts them."""
        return {
            "RateLimit-Policy": f'"{self.kind}";q={self.limit.amount};w={self.limit.get_expiry()}',
            "RateLimit": f'"{self.kind}";r={self.remaining};t={self.reset_s}',
        }


@dataclass(slots=True)
class _Share:
    """What this process has taken of a tenant's limit ahead of its requests, and how the limit stood then."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    taken: int = 0
    until: float = -math.inf
    remaining: int = 0
    reset_at: float = 0.0

    def use(self) -> bool:
        """Use one of those that were taken; False where there is none, or they are too old."""
        if self.taken <= 0 or time.monotonic() >= self.until:
            return False
        self.taken -= 1
        return True


class RateLimits:
    """Counts requests; closed with `aclose`."""

    def __init__(self, redis_url: str, queue: str, limits: Mapping[RouteClass, RateLimitItem]) -> None:
        """A class that is not in `limits` has none."""
        self._limits = limits
        self._redis = connect(redis_url, queue=queue, pool=_CONNECTIONS, retries=0, timeout_s=_PATIENCE_S)
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=limits_prefix(queue),
            connection_pool=self._redis.connection_pool,  # type: ignore[arg-type]  # handed to redis-py as it is
        )
        self._window = SlidingWindowCounterRateLimiter(storage)
        self._rests_until = -math.inf
        self._shares: dict[tuple[str, ...], _Share] = {}

    async def hit(self, tenant_id: str, kind: RouteClass) -> Standing | None:
        """Count a request; None where nothing limits it, or Redis is away."""
        limit = self._limits.get(kind)
        if limit is None or time.monotonic() < self._rests_until:
            return None
        share = self._share(kind.value, tenant_id)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                within = share.use() or await self._take(limit, share, kind.value, tenant_id)
        except (RedisError, OSError) as error:  # TimeoutError is one
            self._rests_until = time.monotonic() + _REST_S
            log.warning("requests are not limited: Redis does not answer", reason=repr(error))
            return None
        reset_s = max(1, math.ceil(share.reset_at - time.time()))
        return Standing(within, kind, limit, share.remaining + share.taken if within else 0, reset_s)

    async def _take(self, limit: RateLimitItem, share: _Share, *key: str) -> bool:
        """Ask Redis, for this request and some that follow: a busy tenant costs a call for a few of its requests."""
        async with share.lock:
            if share.use():  # who was before has taken for all
                return True
            count = max(1, limit.amount // _SHARES)
            within = await self._window.hit(limit, *key, cost=count)
            if not within and count > 1:
                count = 1
                within = await self._window.hit(limit, *key)
            stats = await self._window.get_window_stats(limit, *key)
            share.taken = count - 1 if within else 0
            share.until = time.monotonic() + _OLD_S
            share.remaining, share.reset_at = stats.remaining, stats.reset_time
        return within

    def _share(self, *key: str) -> _Share:
        if len(self._shares) >= _MOST_REMEMBERED:
            self._shares.clear()
        return self._shares.setdefault(key, _Share())

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose(close_connection_pool=True)


def open_rate_limits(settings: ApiSettings) -> RateLimits:
    """The limits of the settings; an empty one is none."""
    said = {
        RouteClass.READ: settings.rate_read,
        RouteClass.WRITE: settings.rate_write,
        RouteClass.SUBMIT: settings.rate_submit,
    }
    limits = {kind: parse(text) for kind, text in said.items() if text}
    return RateLimits(settings.redis_url.get_secret_value(), settings.queue_name, limits)
