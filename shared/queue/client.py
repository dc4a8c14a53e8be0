"""The Redis end of the queue: the connection that both services make, and the client that rings."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from arq.connections import ArqRedis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import QueueUnavailableError, SetupError
from shared.observation import telemetry
from shared.ports import Ring
from shared.queue import names
from shared.queue.connections import make_prompt
from shared.queue.envelope import dumps, envelope, loads, rank_ms
from shared.queue.scripts import RING
from shared.tls import tls_advice

_RINGS_A_CALL: Final = 1_000  # a script holds up every other client of Redis while it runs: a few ms of it


def connect(
    redis_url: str,
    *,
    queue: str = names.DEFAULT_QUEUE,
    pool: int = 50,
    retries: int = 3,
    timeout_s: float = 5.0,
) -> ArqRedis:
    """A client of arq that speaks JSON; opens no connection before its first command.

    `rediss://` checks the host's name unless the URL says `ssl_check_hostname=false`. A command is given up
    after `timeout_s` without an answer, and is sent again up to `retries` times where the connection broke: a worker
    takes 0, since what it sends must not be sent twice unseen. `pool` bounds the connections; who finds none
    free waits for one.
    """
    options: dict[str, Any] = {"socket_connect_timeout": 2.0, "timeout": 20}
    scheme = urlsplit(redis_url).scheme
    if scheme in {"redis", "rediss"}:
        options["socket_keepalive"] = True
    if scheme == "rediss":
        options["ssl_check_hostname"] = True
    if retries:
        options["retry"] = Retry(ExponentialBackoff(cap=0.5, base=0.05), retries)
        options["retry_on_error"] = [RedisConnectionError, RedisTimeoutError]
    connections = BlockingConnectionPool.from_url(redis_url, max_connections=pool, **options)
    make_prompt(connections, patience_s=timeout_s)
    return ArqRedis(
        connections,
        job_serializer=dumps,
        job_deserializer=loads,
        default_queue_name=queue,
    )


async def refuse_eviction(redis: ArqRedis) -> None:
    """SetupError where this Redis may throw keys of the queue away to make room (F4)."""
    policy = (await redis.info("memory")).get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise SetupError(
            f"Redis may evict the queue's keys: its maxmemory-policy is {policy}. Set it to noeviction"
            " (in the provider's console, or with CONFIG SET maxmemory-policy noeviction) and start again."
        )


async def check_redis(redis: ArqRedis) -> None:
    """SetupError, naming the fix, where Redis cannot be reached or may lose the queue's keys."""
    try:
        await redis.ping()
        await refuse_eviction(redis)
    except (RedisError, OSError) as error:
        advice = tls_advice(error, "ssl_ca_certs") or (
            "Check REDIS_URL (rediss:// is for a port that speaks TLS, redis:// for one that does not), and that the "
            "server runs and takes connections from here."
        )
        raise SetupError(f"Redis cannot be used ({type(error).__name__}). {advice}") from error


class RedisJobQueue:
    """The bell (`shared.ports.JobQueue`): one round trip a lane, and an idle worker wakes on it."""

    def __init__(
        self,
        redis: ArqRedis,
        queue: str = names.DEFAULT_QUEUE,
        *,
        task: str = names.TRANSCRIBE,
        give_up_s: float = 10.0,
    ) -> None:
        self._redis = redis
        self._queue = queue
        self._task = task
        self._give_up_s = give_up_s
        self._script = redis.register_script(RING)

    async def ring(self, rings: Sequence[Ring]) -> int:
        """Ring for committed jobs; returns how many were not in the queue.

        A ring for a job that is running is noted: when that run ends, the job is due at the ring's time.
        Raises QueueUnavailableError when Redis cannot be reached; some of many rings may have been heard then,
        and ringing again does no harm.
        """
        lanes: dict[str, list[Ring]] = {}
        for ring in rings:
            lanes.setdefault(ring.lane, []).append(ring)
        try:
            with telemetry.span("redis ring", rings=len(rings)):
                async with asyncio.timeout(self._give_up_s):
                    return sum([await self._ring(lane, those) for lane, those in lanes.items()])
        except (RedisError, OSError) as error:
            raise QueueUnavailableError from error

    async def _ring(self, lane: str, rings: Sequence[Ring]) -> int:
        keys, now = names.keys(names.lane_queue(self._queue, lane)), time.time_ns() // 1_000_000
        added = 0
        for start in range(0, len(rings), _RINGS_A_CALL):
            part = rings[start : start + _RINGS_A_CALL]
            added += int(
                await self._script(keys=keys, args=[arg for ring in part for arg in self._parts(ring, now)])
            )
        return added

    def _parts(self, ring: Ring, now: int) -> tuple[str, int | str, int, bytes]:
        due: int | str = "" if ring.due_at is None else int(ring.due_at.timestamp() * 1000)
        return str(ring.job_id), due, rank_ms(ring.priority), envelope(ring, self._task, now)

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose(close_connection_pool=True)
