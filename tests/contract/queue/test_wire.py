"""arq's wire format: stock clients, stock workers and ours share one queue."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from arq.jobs import Job, JobStatus
from arq.worker import Retry

from shared.ids import new_id
from shared.queue import names
from tests.fixtures.queue_bench import LEASE_S, Bench, until


async def started(bench: Bench, count: int) -> None:
    """Wait until so many runs have begun."""
    await until(lambda: len(bench.starts) >= count)


async def test_a_stock_client_enqueues_for_a_leased_worker(bench: Bench) -> None:
    await bench.leased()
    job = str(new_id())
    assert await bench.redis.enqueue_job(names.TRANSCRIBE, job, request_id="r1", _job_id=job)
    await until(lambda: bench.starts)
    assert await Job(job, bench.redis, bench.queue).status() is JobStatus.in_progress
    assert await bench.redis.enqueue_job(names.TRANSCRIBE, job, _job_id=job) is None
    bench.gate.set()
    await until(lambda: bench.ends)
    await bench.stop()
    assert bench.starts == [(job, "leased", 1)]
    assert await Job(job, bench.redis, bench.queue).status() is JobStatus.not_found
    assert await bench.redis.keys(f"*{job}*") == []
    assert await bench.redis.keys(f"{bench.queue}*") == []


async def test_a_stock_client_may_defer(bench: Bench) -> None:
    await bench.leased()
    bench.gate.set()
    job = str(new_id())
    await bench.redis.enqueue_job(names.TRANSCRIBE, job, _job_id=job, _defer_by=0.3)
    before = datetime.now(UTC)
    await until(lambda: bench.ends)
    assert datetime.now(UTC) - before > timedelta(seconds=0.2)


async def test_a_ring_reaches_a_stock_worker(bench: Bench) -> None:
    await bench.stock()
    bench.gate.set()
    (job,) = await bench.ring(request_id="r1", traceparent="00-1-2-01")
    (later,) = await bench.ring(due_at=datetime.now(UTC) + timedelta(seconds=0.2))
    await until(lambda: len(bench.ends) == 2)
    assert [name for name, *_ in bench.starts] == [job, later]


async def test_stock_and_leased_workers_share_a_queue_without_a_double_run(bench: Bench) -> None:
    """F5: the jobs of each kind stay out of the other's hands while they run."""
    await bench.stock(max_jobs=5)
    jobs = await bench.ring(5)
    await until(lambda: len(bench.starts) == 5)
    await bench.leased("a", max_jobs=5)
    await bench.leased("b", max_jobs=5)
    jobs += await bench.ring(25)
    await until(lambda: len(bench.starts) == 15)
    assert Counter(name for _, name, _ in bench.starts) == {"stock": 5, "a": 5, "b": 5}
    await asyncio.sleep(1.5 * LEASE_S)  # renewals keep them apart, not the first lease
    bench.gate.set()
    await until(lambda: len(bench.ends) == 30)
    assert Counter(job for job, *_ in bench.starts) == Counter(jobs)


async def test_two_hundred_slots_run_two_hundred_jobs(bench: Bench) -> None:
    """Stock arq reads a window of the queue's head; once running jobs fill it, the newer ones starve."""
    for number in range(20):
        await bench.leased(str(number), max_jobs=10)
    jobs = await bench.ring(220)
    await until(lambda: len(bench.starts) == 200)
    assert Counter(name for _, name, _ in bench.starts) == {str(number): 10 for number in range(20)}
    bench.gate.set()
    await until(lambda: len(bench.ends) == 220)
    assert Counter(job for job, *_ in bench.starts) == Counter(jobs)


async def test_running_jobs_of_stock_workers_do_not_hide_the_waiting_ones(bench: Bench) -> None:
    await bench.stock(max_jobs=50)
    await bench.ring(50)
    await until(lambda: len(bench.starts) == 50)
    await bench.leased(max_jobs=1)
    await bench.ring(1)
    await until(lambda: len(bench.starts) == 51)
    assert bench.starts[-1][1] == "leased"
    bench.gate.set()
    await until(lambda: len(bench.ends) == 51)


async def test_a_retry_keeps_a_job_for_stock_clients(bench: Bench) -> None:
    """Deferred, it cannot be queued twice; `job_try` counts; `t` of a stock client is where it begins."""

    async def fail_twice(ctx: dict[Any, Any], job_id: str) -> None:
        if ctx["job_try"] < 5:
            raise Retry(defer=0.2)

    bench.body = fail_twice
    bench.gate.set()
    await bench.leased()
    job = str(new_id())
    await bench.redis.enqueue_job(names.TRANSCRIBE, job, _job_id=job, _job_try=3)
    await until(lambda: bench.starts)
    status = Job(job, bench.redis, bench.queue).status
    async with asyncio.timeout(300):
        while await status() is not JobStatus.deferred:
            await asyncio.sleep(0.005)
    assert await bench.redis.enqueue_job(names.TRANSCRIBE, job, _job_id=job) is None
    await until(lambda: bench.ends)
    assert [tries for *_, tries in bench.starts] == [3, 3, 3, 4, 5]


async def test_a_job_goes_from_worker_to_worker_whatever_their_kind(bench: Bench) -> None:
    """What one kind retries, the other may run; the tries add up."""

    async def retry(ctx: dict[Any, Any], job_id: str) -> None:
        raise Retry(defer=0.1)

    bench.body = retry
    bench.gate.set()
    (job,) = await bench.ring()
    for name, start in (("a", bench.leased), ("b", bench.stock), ("c", bench.leased)):
        before = len(bench.starts)
        await start(name)
        await started(bench, before + 1)
        await bench.stop()
    tries = {name: {tries for _, by, tries in bench.starts if by == name} for name in "abc"}
    assert min(tries["b"]) == max(tries["a"]) + 1
    assert min(tries["c"]) == max(tries["b"]) + 1
    assert {ran for ran, *_ in bench.starts} == {job}
