"""The bell: one round trip, never twice, never lost, and no harm to who rings while Redis is away."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import QueueUnavailableError, SetupError
from shared.ids import new_id
from shared.lifecycle import Priority
from shared.ports import Ring
from shared.queue import names
from shared.queue.client import RedisJobQueue, connect, refuse_eviction
from tests.fixtures.queue_bench import Bench, until
from tests.fixtures.queue_server import QueueServer
from tests.fixtures.tcp_proxy import TcpProxy


async def test_a_ring_is_one_round_trip_however_many_jobs(bench: Bench) -> None:
    await bench.ring()  # Redis knows the script from now on
    before = await bench.commands()
    await bench.ring(1)
    await bench.ring(1_000)
    spent = await bench.commands() - before
    assert spent["evalsha"] == 2
    assert await bench.redis.zcard(bench.queue) == 1_002


async def test_a_job_that_waits_is_not_queued_twice(bench: Bench) -> None:
    (job,) = await bench.ring()
    before = await bench.redis.zscore(bench.queue, job)
    assert await bench.ring_for(job) == 0
    assert await bench.redis.zscore(bench.queue, job) == before, "it keeps its place in line"


async def test_a_ring_may_bring_a_job_forward_and_never_puts_it_off(bench: Bench) -> None:
    later = datetime.now(UTC) + timedelta(hours=5)
    (job,) = await bench.ring(due_at=later)
    await bench.ring_for(job, due_at=later + timedelta(hours=1))
    assert await bench.redis.zscore(bench.queue, job) == int(later.timestamp() * 1000)
    await bench.ring_for(job)
    bench.gate.set()
    await bench.leased()
    await until(lambda: bench.ends == [(job, "leased")])


async def test_a_ring_for_a_running_job_is_obeyed_when_it_ends(bench: Bench) -> None:
    """F14: a retry that is decided while the job runs is not swallowed."""
    await bench.leased()
    (job,) = await bench.ring()
    await until(lambda: bench.starts)
    assert await bench.ring_for(job) == 0
    await asyncio.sleep(0.1)
    assert len(bench.starts) == 1, "not while it runs"
    bench.gate.set()
    await until(lambda: len(bench.ends) == 2)
    await bench.stop()
    assert [tries for *_, tries in bench.starts] == [1, 1], "a run that ended well is no try of the next"
    assert await bench.redis.keys(f"*{job}*") == []


async def test_a_ring_for_a_running_job_waits_for_its_time(bench: Bench) -> None:
    await bench.leased()
    (job,) = await bench.ring()
    await until(lambda: bench.starts)
    due = datetime.now(UTC) + timedelta(hours=1)
    await bench.ring_for(job, due_at=due)
    bench.gate.set()
    await until(lambda: bench.ends)
    await bench.stop()
    assert await bench.redis.zscore(bench.queue, job) == int(due.timestamp() * 1000)


@pytest.mark.parametrize("lost", ["place", "envelope", "worker"])
async def test_a_job_that_the_queue_half_forgot_is_queued(bench: Bench, lost: str) -> None:
    """F1, F11: whatever is left of a job in Redis, a ring makes it whole."""
    (job,) = await bench.ring()
    if lost == "place":
        await bench.redis.zrem(bench.queue, job)
    elif lost == "envelope":
        await bench.redis.delete(names.JOB_PREFIX + job)
    else:
        await bench.redis.set(names.HOLDER_PREFIX + job, "gone:1:abc")
        await bench.redis.zadd(bench.queue, {job: 4e12})
    assert await bench.ring_for(job, priority=Priority.HIGH) == 1
    bench.gate.set()
    await bench.leased()
    await until(lambda: bench.ends == [(job, "leased")])


async def test_who_rings_hears_in_time_that_redis_is_gone(own_server: QueueServer) -> None:
    """F2: the API answers; the job is committed and is rung later."""
    redis = connect(own_server.url)
    bell = RedisJobQueue(redis)
    assert await bell.ring([Ring(new_id())]) == 1
    own_server.kill()
    with pytest.raises(QueueUnavailableError):
        await bell.ring([Ring(new_id())])
    own_server.start()
    assert await bell.ring([Ring(new_id())]) == 1, "the same client goes on"
    await bell.aclose()


async def test_who_rings_into_a_blackhole_is_let_go(server: QueueServer) -> None:
    async with TcpProxy("127.0.0.1", server.port) as proxy:
        redis = connect(f"redis://127.0.0.1:{proxy.port}/0", queue="hole", timeout_s=0.2)
        bell = RedisJobQueue(redis, "hole", give_up_s=0.5)
        await heard_again(bell)
        proxy.blackhole()
        async with asyncio.timeout(300):
            with pytest.raises(QueueUnavailableError):
                await bell.ring([Ring(new_id())])
        proxy.restore()
        await heard_again(bell)
        await bell.aclose()


async def heard_again(bell: RedisJobQueue) -> None:
    """Ring until it is heard: a busy machine may let a ring wait for longer than this bell's patience."""
    while True:
        with contextlib.suppress(QueueUnavailableError):
            assert await bell.ring([Ring(new_id())]) == 1
            return


async def test_a_cancel_is_never_lost(server: QueueServer) -> None:
    """redis-py 5 on Python 3.11 swallows one now and then, and who is told to stop goes on."""
    redis = connect(server.url)

    async def ask() -> None:
        while True:
            await redis.ping()

    for turns in range(150):
        asking = asyncio.create_task(ask())
        for _ in range(3 + turns % 10):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking], timeout=300)
        assert asking.cancelled()
    await redis.aclose(close_connection_pool=True)


async def test_a_redis_that_evicts_is_refused(own_server: QueueServer) -> None:
    """F4."""
    redis = connect(own_server.url)
    await refuse_eviction(redis)
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(SetupError, match="allkeys-lru"):
        await refuse_eviction(redis)
    await redis.aclose(close_connection_pool=True)
