"""What goes wrong in a chaos run; each fault mends itself before it returns."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import redis.asyncio

from tests.chaos.site import API, LEASE_S, WORKERS, Site
from tests.fixtures.tcp_proxy import TcpProxy

Fault = Callable[[Site, random.Random], Awaitable[None]]


async def kill_a_worker(site: Site, dice: random.Random) -> None:
    """SIGKILL; another one takes its place."""
    name = dice.choice(WORKERS)
    await site.end(name, signal.SIGKILL)
    await asyncio.sleep(dice.uniform(0, LEASE_S))
    await site.start(name)


async def stop_a_worker(site: Site, dice: random.Random) -> None:
    """SIGTERM, as a deployment does it."""
    name = dice.choice(WORKERS)
    await site.end(name, signal.SIGTERM)
    await site.start(name)


async def freeze_a_worker(site: Site, dice: random.Random) -> None:
    """SIGSTOP for longer than its lease: it comes back and finds its jobs gone."""
    name = dice.choice(WORKERS)
    site.signal(name, signal.SIGSTOP)
    await asyncio.sleep(LEASE_S * dice.uniform(1.2, 2.0))
    site.signal(name, signal.SIGCONT)


async def kill_the_api(site: Site, dice: random.Random) -> None:
    """SIGKILL, in the middle of whatever it does."""
    await site.end(API, signal.SIGKILL)
    await site.start(API)


async def stop_the_api(site: Site, dice: random.Random) -> None:
    """SIGTERM."""
    await site.end(API, signal.SIGTERM)
    await site.start(API)


async def empty_redis(site: Site, dice: random.Random) -> None:
    """FLUSHALL."""
    client = redis.asyncio.Redis.from_url(site.queue.url)
    await client.flushall()
    await client.aclose()


async def restart_redis(site: Site, dice: random.Random) -> None:
    """SIGKILL and a start with what its append-only file has."""
    await site.queue.restart()


async def restart_postgres(site: Site, dice: random.Random) -> None:
    """Every connection breaks."""
    await site.restart_postgres()


async def lose_redis(site: Site, dice: random.Random) -> None:
    """A route that swallows everything."""
    await _swallow(site.queue_proxy, dice)


async def lose_postgres(site: Site, dice: random.Random) -> None:
    """A route that swallows everything."""
    await _swallow(site.postgres_proxy, dice)


async def cut_connections(site: Site, dice: random.Random) -> None:
    """Every connection to both stores is reset."""
    site.queue_proxy.reset()
    site.postgres_proxy.reset()


async def _swallow(proxy: TcpProxy, dice: random.Random) -> None:
    proxy.blackhole()
    await asyncio.sleep(LEASE_S * dice.uniform(0.5, 2.0))
    proxy.restore()


FAULTS: Final[tuple[Fault, ...]] = (
    kill_a_worker,
    stop_a_worker,
    freeze_a_worker,
    kill_the_api,
    stop_the_api,
    empty_redis,
    restart_redis,
    restart_postgres,
    lose_redis,
    lose_postgres,
    cut_connections,
)
