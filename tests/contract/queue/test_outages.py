"""Redis may restart, die, forget everything or fall silent: neither worker nor client ends, and runs go on (F11)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared.queue import names
from tests.fixtures.queue_bench import LEASE_S, Bench, until
from tests.fixtures.queue_server import QueueServer
from tests.fixtures.tcp_proxy import TcpProxy


async def held_by(bench: Bench, jobs: list[str]) -> set[str | None]:
    """The ids of the workers that hold the jobs."""
    return {await bench.holder(job) for job in jobs}


async def ended(bench: Bench, count: int) -> None:
    """Wait until so many runs have ended."""
    await until(lambda: len(bench.ends) >= count)


async def eventually(reached: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(300):
        while not await reached():
            await asyncio.sleep(0.02)


async def test_a_killed_redis_comes_back_and_work_went_on(own_server: QueueServer, own_bench: Bench) -> None:
    """SIGKILL under load: some runs end while it is away, all are told, and what waited runs."""
    bench = own_bench
    worker = await bench.leased(max_jobs=20)
    jobs = await bench.ring(40)
    await until(lambda: len(bench.starts) == 20)
    own_server.kill()
    bench.gate.set()
    await until(lambda: len(bench.ends) == 20)
    await asyncio.sleep(1.2 * LEASE_S)
    own_server.start()
    await until(lambda: len(bench.ends) == 40)
    jobs += await bench.ring(5)
    await until(lambda: len(bench.ends) == 45)
    await until(lambda: worker.jobs_running == 0)
    assert Counter(job for job, *_ in bench.starts) == Counter(jobs), "no job ran twice"
    assert bench.cancels == []


async def test_restart_after_restart_under_load(own_server: QueueServer, own_bench: Bench) -> None:
    """Stock arq dies of most of them. A reply that is lost with the connection is settled afterwards."""
    bench = own_bench

    async def short(ctx: object, job_id: str) -> None:
        await asyncio.sleep(0.02)

    bench.body = short
    bench.gate.set()
    workers = [await bench.leased(str(number), max_jobs=5) for number in range(3)]
    jobs = await bench.ring(600)
    for stage in (100, 200, 300):
        await ended(bench, stage)
        await own_server.restart()
    await until(lambda: len({job for job, _ in bench.ends}) == 600)
    await until(lambda: not any(worker.jobs_running for worker in workers))
    assert {job for job, _ in bench.ends} == set(jobs)
    again = len(bench.starts) - 600
    assert again <= 3 * 15, "at most what the workers held at each restart ran again"
    assert await bench.redis.zcard(bench.queue) == 0


async def test_redis_may_be_emptied_while_jobs_run(own_bench: Bench) -> None:
    """F11: what runs is put back under its lease; what waited is rung again, as the sweep does."""
    bench = own_bench
    worker = await bench.leased(max_jobs=10)
    running = await bench.ring(10)
    await until(lambda: len(bench.starts) == 10)
    waiting = await bench.ring(5)
    await bench.redis.flushall()

    async def held() -> bool:
        return await held_by(bench, running) == {worker.worker_id}

    await eventually(held)
    assert [await bench.ring_for(job) for job in (*running, *waiting)] == [0] * 10 + [1] * 5
    other = await bench.leased("other", max_jobs=10)
    await until(lambda: len(bench.starts) == 15)
    assert other.jobs_running == 5, "the ten stayed where they run"
    bench.gate.set()
    await until(lambda: len(bench.ends) == 25)  # the ten were rung while they ran, and run once more
    assert bench.cancels == []


async def test_a_job_that_ended_while_redis_was_emptied_stays_ended(own_bench: Bench) -> None:
    bench = own_bench
    worker = await bench.leased(lease_s=4.0)
    (job,) = await bench.ring()
    await until(lambda: bench.starts)
    await bench.redis.flushall()
    bench.gate.set()
    await until(lambda: bench.ends and worker._joined and worker.jobs_running == 0)
    assert await bench.redis.keys(f"*{job}*") == []


async def test_a_retry_that_ended_while_redis_was_emptied_is_kept(own_bench: Bench) -> None:
    from arq.worker import Retry  # noqa: PLC0415

    bench = own_bench

    async def body(ctx: dict[str, int], job_id: str) -> None:
        if len(bench.starts) == 1:
            await bench.redis.flushall()
            raise Retry(defer=0.1)

    bench.body = body
    bench.gate.set()
    await bench.leased(lease_s=4.0)
    await bench.ring()
    await until(lambda: bench.ends)


async def test_a_silence_longer_than_the_lease_ends_nobody(own_server: QueueServer, own_bench: Bench) -> None:
    """A blackhole for all: when it ends, nobody's jobs are given away, since nobody could have renewed.

    In production it may last a minute or an hour; here lease and patience are a fraction of production's.
    """
    bench = own_bench
    async with TcpProxy("127.0.0.1", own_server.port) as proxy:
        options: dict[str, Any] = {
            "url": f"redis://127.0.0.1:{proxy.port}/0",
            "timeout_s": 0.5,
            "lease_s": 3.0,
        }
        workers = [await bench.leased(name, max_jobs=5, **options) for name in "ab"]
        await bench.ring(10)
        await until(lambda: len(bench.starts) == 10)
        workers.append(await bench.leased("spare", max_jobs=10, **options))  # who would take them
        await until(workers[-1]._idle.is_set)
        proxy.blackhole()
        await asyncio.sleep(4.0)
        proxy.restore()
        await until(lambda: all(worker._joined for worker in workers))
        bench.gate.set()
        await until(lambda: len(bench.ends) == 10)
        await until(lambda: not any(worker.jobs_running for worker in workers))
        assert len(bench.starts) == 10
        assert bench.cancels == []
        await bench.ring(3)
        await until(lambda: len(bench.ends) == 13)
        await bench.stop()


async def test_cut_connections_cost_nothing(own_server: QueueServer, own_bench: Bench) -> None:
    bench = own_bench

    async def short(ctx: object, job_id: str) -> None:
        await asyncio.sleep(0.01)

    bench.body = short
    bench.gate.set()
    async with TcpProxy("127.0.0.1", own_server.port) as proxy:
        await bench.leased(url=f"redis://127.0.0.1:{proxy.port}/0", max_jobs=5)
        jobs = await bench.ring(300)
        for stage in (50, 100, 150, 200):
            await ended(bench, stage)
            proxy.reset()
        await until(lambda: len({job for job, _ in bench.ends}) == 300)
        assert {job for job, _ in bench.ends} == set(jobs)
        assert len(bench.starts) <= 300 + 4 * 5
        await bench.stop()


@pytest.mark.parametrize("away", ["killed", "silent"])
async def test_a_worker_stops_in_time_while_redis_is_away(
    own_server: QueueServer, own_bench: Bench, away: str
) -> None:
    """F10: SIGTERM is obeyed; the jobs are due again when the lease has ended."""
    bench = own_bench
    async with TcpProxy("127.0.0.1", own_server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        worker = await bench.leased(url=url, timeout_s=900.0, drain_s=0.8)
        (job,) = await bench.ring()
        await until(lambda: bench.starts)
        if away == "killed":
            own_server.kill()
        proxy.blackhole()
        worker.stop()
        task = bench.workers[0][1]
        await asyncio.wait_for(task, 300)  # drain and goodbye, and not the patience of a command
        assert bench.cancels == [(job, "leased", "handover")]
        if away == "killed":
            own_server.start()
    bench.gate.set()
    await bench.leased("next")
    await until(lambda: bench.ends == [(job, "next")])
    assert not await bench.redis.exists(names.TRIES_PREFIX + job)
