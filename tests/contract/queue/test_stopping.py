"""Signals to real worker processes: stopped, killed, frozen; and a job that kills whoever runs it."""

import asyncio
import os
import signal

from shared.queue import names
from tests.fixtures.queue_bench import LEASE_S, Bench


async def noted(bench: Bench, key: str, count: int, within_s: float = 300.0) -> list[list[str]]:
    """The first `count` notes under a key, as soon as there are so many."""
    async with asyncio.timeout(within_s):
        while len(found := await bench.noted(key)) < count:
            await asyncio.sleep(0.01)
    return found


async def hold(bench: Bench, seconds: float) -> None:
    await bench.redis.set("hold", seconds)


async def lease_end(bench: Bench, pid: int) -> float:
    """When the lease of a dead worker ends, in ms of Redis's clock; 0 where the others already know that it has."""
    leases = await bench.redis.zrange(names.workers_key(bench.queue), 0, -1, withscores=True)
    return next((end for worker, end in leases if f":{pid}:" in worker.decode()), 0.0)


async def test_sigterm_hands_over_and_counts_no_try(own_bench: Bench) -> None:
    """F10: gone before its jobs end, which run elsewhere, and no deploy burns the budget.

    It gave them back: a lease that ends counts as a try.
    """
    bench = own_bench
    await hold(bench, 600)
    process = await bench.process("first", max_jobs=50)
    jobs = await bench.ring(50)
    await noted(bench, "starts", 50)
    for heir, before in (("second", 50), ("third", 100)):
        next_process = await bench.process(heir, max_jobs=50)
        process.send_signal(signal.SIGTERM)
        starts = (await noted(bench, "starts", before + 50))[before:]
        assert await asyncio.wait_for(process.wait(), 300) == 0
        assert {(who, tries) for _, who, tries in starts} == {(heir, "1")}
        assert sorted(job for job, *_ in starts) == sorted(jobs)
        assert await bench.noted("ends") == [], "it waited for none of them"
        process = next_process


async def test_sigkill_costs_the_lease(own_bench: Bench) -> None:
    """F1, F5: its jobs run elsewhere when its lease has ended, not before, and the crash is a try."""
    bench = own_bench
    await hold(bench, 600)
    victim = await bench.process("victim", max_jobs=10)
    jobs = await bench.ring(10)
    await noted(bench, "starts", 10)
    await bench.process("heir", max_jobs=10)
    victim.kill()
    await victim.wait()
    lease_ends_ms = await lease_end(bench, victim.pid)
    starts = (await noted(bench, "starts", 20))[10:]
    seconds, micros = await bench.redis.time()
    assert seconds * 1_000 + micros / 1_000 >= lease_ends_ms
    assert {(who, tries) for _, who, tries in starts} == {("heir", "2")}
    assert sorted(job for job, *_ in starts) == sorted(jobs)


async def test_the_last_worker_is_killed_and_one_starts_later(own_bench: Bench) -> None:
    bench = own_bench
    await hold(bench, 600)
    victim = await bench.process("victim")
    await bench.ring(3)
    await noted(bench, "starts", 3)
    victim.kill()
    await victim.wait()
    await asyncio.sleep(1.5 * LEASE_S)
    await bench.process("heir")
    await noted(bench, "starts", 6)


async def test_a_frozen_worker_is_fenced(own_bench: Bench) -> None:
    """F5: it wakes long after its lease, and finds that its jobs are run by another."""
    bench = own_bench
    await hold(bench, 600)
    frozen = await bench.process("frozen", max_jobs=5)
    jobs = await bench.ring(5)
    await noted(bench, "starts", 5)
    frozen.send_signal(signal.SIGSTOP)
    try:
        await hold(bench, 1.5)
        await bench.process("heir", max_jobs=5)
        await noted(bench, "starts", 10)
    finally:
        frozen.send_signal(signal.SIGCONT)
    lost = await noted(bench, "handovers", 5)
    assert {(who, why) for _, who, why in lost} == {("frozen", "lease lost")}
    ends = await noted(bench, "ends", 5)
    assert sorted(ends) == sorted([job, "heir"] for job in jobs)
    (late,) = await bench.ring()
    await noted(bench, "ends", 6)
    assert len(await bench.noted("starts")) == 11, "the frozen one serves on, and nothing ran a third time"
    assert late in {job for job, *_ in await bench.noted("starts")}


async def test_a_job_that_kills_its_workers_is_counted(own_bench: Bench) -> None:
    """A poison job: each crash is a try, so that the task can give it up; its neighbours lose nothing but time."""
    bench = own_bench
    (poison,) = await bench.ring()
    await bench.redis.set("poison", poison)
    for crash in range(3):
        process = await bench.process(f"victim{crash}")
        assert await asyncio.wait_for(process.wait(), 300) == -signal.SIGKILL
    await bench.redis.delete("poison")
    await bench.process("survivor")
    await noted(bench, "ends", 1)
    assert [tries for *_, tries in await bench.noted("starts")] == ["1", "2", "3", "4"]

    async def forgotten() -> bool:
        return not await bench.redis.exists(names.TRIES_PREFIX + poison)

    async with asyncio.timeout(300):
        while not await forgotten():
            await asyncio.sleep(0.01)


async def test_a_stock_worker_beside_it_takes_over_what_is_handed_over(own_bench: Bench) -> None:
    """Coming from stock arq, or going back to it, needs no empty queue."""
    bench = own_bench
    await hold(bench, 600)
    leased = await bench.process("leased")
    jobs = await bench.ring(4)
    await noted(bench, "starts", 4)
    await bench.process("stock", kind="stock")
    leased.send_signal(signal.SIGTERM)
    starts = (await noted(bench, "starts", 8))[4:]
    assert sorted(starts) == sorted([job, "stock", "1"] for job in jobs)
    os.kill(bench.processes[-1].pid, signal.SIGKILL)
