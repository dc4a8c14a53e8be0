"""A job that changes its lane: two queues share the job's own keys, and what one lets go the other keeps."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.queue import names
from tests.fixtures.queue_bench import Bench, queue_bench, until
from tests.fixtures.queue_server import QueueServer


@pytest.fixture
async def other(server: QueueServer) -> AsyncIterator[Bench]:
    """Another lane on the same server."""
    async with queue_bench(server.url) as lane:
        yield lane


async def left(job: str, *lanes: Bench) -> list[object]:
    """What is left of a job in Redis: its envelope, its holder, its tries, its places."""
    redis = lanes[0].redis
    keys = [prefix + job for prefix in (names.JOB_PREFIX, names.HOLDER_PREFIX, names.TRIES_PREFIX)]
    places = [await redis.zscore(lane.queue, job) for lane in lanes]
    return [found for found in [*await redis.mget(keys), *places] if found is not None]


@pytest.mark.parametrize("claimed_first", [True, False])
async def test_a_run_that_ends_leaves_alone_what_another_lane_was_rung_for(
    bench: Bench, other: Bench, claimed_first: bool
) -> None:
    """A run that gives its job to another engine ends after that lane was rung, and perhaps after it was taken."""
    await bench.leased("first")
    (job,) = await bench.ring()
    await until(lambda: bench.starts)
    assert await other.ring_for(job) == 1
    if claimed_first:
        await other.leased("second")
        await until(lambda: other.starts)
    bench.gate.set()
    await until(lambda: bench.ends)
    worker = bench.workers[0][0]
    await until(lambda: not getattr(worker, "jobs_running", 0))
    if not claimed_first:
        await other.leased("second")
        await until(lambda: other.starts)
    assert await other.holder(job) == getattr(other.workers[0][0], "worker_id", None)
    assert await bench.redis.zscore(bench.queue, job) is None
    other.gate.set()
    await until(lambda: other.ends == [(job, "second")])
    await bench.stop()
    await other.stop()
    assert len(bench.starts) == len(other.starts) == 1
    assert await left(job, bench, other) == []


async def test_a_lane_that_comes_to_life_again_takes_nothing_back(own_server: QueueServer) -> None:
    """F1, F5: its last worker was killed, the job went on elsewhere; a new worker there finds the dead one's jobs."""
    async with queue_bench(own_server.url) as bench, queue_bench(own_server.url) as other:
        await bench.redis.set("hold", 60)
        await come_to_life(bench, other)


async def come_to_life(bench: Bench, other: Bench) -> None:
    dead = await bench.process("dead")
    (job,) = await bench.ring()
    while not await bench.noted("starts"):
        await asyncio.sleep(0.01)
    dead.kill()
    await dead.wait()
    assert await other.ring_for(job) == 1
    await other.leased("second", lease_s=60)
    await until(lambda: other.starts)
    heir = await bench.leased("heir")
    held = names.held_prefix(bench.queue)
    while [key async for key in bench.redis.scan_iter(f"{held}*")]:
        await asyncio.sleep(0.01)
    assert (heir.jobs_claimed, bench.starts) == (0, [])
    assert await other.holder(job) == getattr(other.workers[0][0], "worker_id", None)
    other.gate.set()
    await until(lambda: other.ends == [(job, "second")])
    await other.stop()
    await bench.stop()
    assert await left(job, bench, other) == []
