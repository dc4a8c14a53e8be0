"""Who is next: high before normal before low, the older first, and nobody starves."""

import asyncio
from datetime import UTC, datetime, timedelta

from shared.lifecycle import Priority
from shared.queue.envelope import rank_ms
from tests.fixtures.queue_bench import Bench, until

_HOUR_MS = 3_600_000


async def waited(bench: Bench, job: str, hours: float) -> None:
    """Put a waiting job into the state in which it has waited for some hours."""
    await bench.redis.zincrby(bench.queue, -hours * _HOUR_MS, job)


async def order(bench: Bench, count: int, *, max_jobs: int = 1) -> list[str]:
    """The order in which one worker takes the jobs."""
    bench.gate.set()
    await bench.leased(max_jobs=max_jobs)
    await until(lambda: len(bench.ends) == count)
    return [job for job, *_ in bench.starts]


async def test_high_before_normal_before_low_and_the_older_first(bench: Bench) -> None:
    jobs: dict[Priority, list[str]] = {}
    for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH) * 2:
        jobs.setdefault(priority, []).extend(await bench.ring(priority=priority))
        await asyncio.sleep(0.002)  # scores are milliseconds
    assert await order(bench, 6) == [*jobs[Priority.HIGH], *jobs[Priority.NORMAL], *jobs[Priority.LOW]]


async def test_waiting_lifts_a_job_over_fresh_ones_of_a_higher_rank(bench: Bench) -> None:
    """An hour of waiting is worth one rank, so nothing starves."""
    (low,) = await bench.ring(priority=Priority.LOW)
    await waited(bench, low, 2.01)
    (normal,) = await bench.ring()
    await waited(bench, normal, 0.9)
    (high,) = await bench.ring(priority=Priority.HIGH)
    assert await order(bench, 3) == [low, high, normal]


async def test_a_deferred_job_has_its_rank_when_its_time_comes(bench: Bench) -> None:
    due = datetime.now(UTC) + timedelta(seconds=0.3)
    (normal,) = await bench.ring(due_at=due)
    (high,) = await bench.ring(due_at=due + timedelta(milliseconds=5), priority=Priority.HIGH)
    (fresh,) = await bench.ring()
    async with asyncio.timeout(300):
        while datetime.now(UTC) < due + timedelta(seconds=0.1):
            await asyncio.sleep(0.02)
    assert await order(bench, 3) == [high, fresh, normal]


async def test_a_retry_keeps_its_rank(bench: Bench) -> None:
    (high,) = await bench.ring(priority=Priority.HIGH)
    worker = await bench.leased(max_jobs=1)
    await until(lambda: bench.starts)
    worker._held[high].run.cancel()  # ends as a retry in a second
    await until(lambda: worker.jobs_running == 0)
    await bench.stop()
    (due,) = await bench.redis.zmscore(bench.queue, [high])
    assert await bench.redis.zrange(f"{bench.queue}:deferred", 0, -1, withscores=True) == [
        (f"{rank_ms(Priority.HIGH)}:{high}".encode(), due)
    ]


async def test_what_is_handed_over_goes_to_where_it_stood(bench: Bench) -> None:
    """F10."""
    (first,) = await bench.ring()
    before = await bench.redis.zscore(bench.queue, first)
    await bench.leased()
    await until(lambda: bench.starts)
    await bench.stop()
    assert await bench.redis.zscore(bench.queue, first) == before
    assert bench.cancels == [(first, "leased", "handover")]
