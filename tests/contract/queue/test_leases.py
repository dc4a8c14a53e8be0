"""How a worker holds jobs: claims and renewals in batches, tokens, fences, and ends that only the task decides."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from arq.worker import Retry

from shared.ids import new_id
from shared.queue import names
from shared.queue.envelope import dumps
from tests.fixtures.queue_bench import LEASE_S, Bench, until
from tests.fixtures.tcp_proxy import TcpProxy
from worker_service.queue import leases, runs
from worker_service.queue.lease_scripts import JOIN, TURN


async def lease_end(bench: Bench) -> float:
    """When the lease of the only worker ends, in ms."""
    ((_, end),) = await bench.redis.zrange(names.workers_key(bench.queue), 0, -1, withscores=True)
    return float(end)


async def test_five_hundred_jobs_are_claimed_in_one_call(bench: Bench) -> None:
    await bench.ring(500)
    before = await bench.commands()
    await bench.leased(max_jobs=500, lease_s=300)
    await until(lambda: len(bench.starts) == 500)
    spent = await bench.commands() - before
    assert spent["evalsha"] + spent["eval"] <= 4, (
        "join and the claim, each sent twice where Redis does not know the script yet"
    )


async def test_a_thousand_leases_are_renewed_by_one_command(bench: Bench) -> None:
    """F5: they are renewed while work runs; stock workers and naive leases pay for each job."""
    await bench.ring(1_000)
    await bench.leased(max_jobs=1_000)
    await until(lambda: len(bench.starts) == 1_000)
    before, began = await bench.commands(), await lease_end(bench)
    while (renewed := await lease_end(bench) - began) < 2_000 * LEASE_S:
        await asyncio.sleep(0.05)
    spent = await bench.commands() - before
    assert 1 <= spent["evalsha"] <= renewed / (250 * LEASE_S) + 2
    assert spent.total() < 500, "what the scripts and this test call included: nothing for each job"
    assert len(bench.starts) == 1_000


async def test_an_idle_worker_is_woken_by_a_token(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a poll that comes too late, only the token can be what woke it."""
    monkeypatch.setattr(leases, "_POLL_S", 60.0)
    worker = await bench.leased(lease_s=300)
    await until(worker._idle.is_set)
    bench.gate.set()
    await bench.ring()
    await until(lambda: bench.ends)


async def test_one_job_wakes_one_worker(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_POLL_S", 60.0)
    workers = [await bench.leased(str(number), lease_s=300) for number in range(8)]
    await until(lambda: all(worker._idle.is_set() for worker in workers))
    async with asyncio.timeout(300):
        while (await bench.redis.info("clients"))["blocked_clients"] < 8:
            await asyncio.sleep(0.01)
    bench.gate.set()
    before = await bench.commands()
    await bench.ring()
    await until(lambda: bench.ends)
    spent = await bench.commands() - before
    assert spent["evalsha"] <= 3, "the ring, the turn that claims, the turn that ends"


async def test_a_lost_token_costs_one_poll(bench: Bench) -> None:
    worker = await bench.leased(max_jobs=1)
    await until(worker._idle.is_set)
    job = str(new_id())
    await bench.redis.enqueue_job(names.TRANSCRIBE, job, _job_id=job)  # a stock client: no token at all
    bench.gate.set()
    await until(lambda: bench.ends)


async def test_idle_workers_share_what_comes(bench: Bench) -> None:
    """A worker with many free slots leaves its neighbours' share to them."""
    workers = [await bench.leased(str(number), max_jobs=100) for number in range(4)]
    await until(lambda: all(worker._idle.is_set() for worker in workers))
    await bench.ring(40)
    await until(lambda: len(bench.starts) == 40)
    assert max(Counter(name for _, name, _ in bench.starts).values()) <= 25


async def test_who_lost_a_job_cannot_end_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5: behind a dead route for longer than its lease, a worker finds its job taken and lets it go."""
    ends = {"slow": asyncio.Event(), "other": asyncio.Event()}

    async def body(ctx: dict[Any, Any], job_id: str) -> None:
        await ends[ctx["name"]].wait()

    bench.body = body
    bench.gate.set()
    async with TcpProxy("127.0.0.1", bench.port) as proxy:
        slow = await bench.leased("slow", url=f"redis://127.0.0.1:{proxy.port}/0", timeout_s=0.3)
        (job,) = await bench.ring()
        await until(lambda: bench.starts)
        proxy.blackhole()
        other = await bench.leased("other")
        await until(lambda: len(bench.starts) == 2)
        ends["slow"].set()  # the run ends well, and nobody may hear of it
        await until(lambda: bench.ends == [(job, "slow")])
        proxy.restore()
        await until(lambda: slow.jobs_running == 0 and slow._joined)
        assert await bench.holder(job) == other.worker_id
        assert await bench.redis.exists(names.JOB_PREFIX + job)
        ends["other"].set()
        await until(lambda: other.jobs_running == 0)
        assert not await bench.redis.exists(names.JOB_PREFIX + job)
        assert bench.starts == [(job, "slow", 1), (job, "other", 2)], "a crash is a try: nobody knows better"
        await bench.stop()


async def test_a_run_whose_job_was_taken_over_is_told_why(bench: Bench) -> None:
    async with TcpProxy("127.0.0.1", bench.port) as proxy:
        slow = await bench.leased("slow", url=f"redis://127.0.0.1:{proxy.port}/0", timeout_s=0.3)
        (job,) = await bench.ring()
        await until(lambda: bench.starts)
        proxy.blackhole()
        await bench.leased("other")
        await until(lambda: len(bench.starts) == 2)
        proxy.restore()
        await until(lambda: bench.cancels == [(job, "slow", leases.LOST)])
        assert slow.jobs_lost == 1
        bench.gate.set()
        await until(lambda: bench.ends == [(job, "other")])
        await bench.stop()


async def test_a_retry_comes_back_and_counts(bench: Bench) -> None:
    """F14: `Retry` is an end like any other, and nothing swallows it."""

    async def body(ctx: dict[Any, Any], job_id: str) -> None:
        if ctx["job_try"] < 3:
            raise Retry(defer=0.05)

    bench.body = body
    bench.gate.set()
    worker = await bench.leased()
    (job,) = await bench.ring()
    await until(lambda: bench.ends)
    await bench.stop()
    assert [tries for *_, tries in bench.starts] == [1, 2, 3]
    assert (worker.jobs_retried, worker.jobs_complete) == (2, 1)
    assert await bench.redis.keys(f"*{job}*") == []


async def test_a_task_that_fails_ends_its_job_and_nothing_else(bench: Bench) -> None:
    async def body(ctx: dict[Any, Any], job_id: str) -> None:
        raise ValueError(job_id)

    bench.body = body
    bench.gate.set()
    worker = await bench.leased()
    await bench.ring(3)
    await until(lambda: worker.jobs_failed == 3)
    await bench.stop()
    assert await bench.redis.zcard(bench.queue) == 0


async def test_a_hook_that_fails_ends_neither_job_nor_worker(bench: Bench) -> None:
    """Stock arq ends its worker."""

    async def hook(ctx: dict[Any, Any]) -> None:
        raise RuntimeError("hook")

    bench.gate.set()
    await bench.leased(on_job_start=hook, on_job_end=hook)
    jobs = await bench.ring(2)
    await until(lambda: len(bench.ends) == 2)
    jobs += await bench.ring()
    await until(lambda: len(bench.ends) == 3)
    assert sorted(job for job, *_ in bench.starts) == sorted(jobs)


async def test_a_job_of_a_newer_release_is_kept_for_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In either direction of a rolling update, and it costs the job no try."""
    monkeypatch.setattr(runs, "_NOT_FOR_US", ("later", 50))
    (job,) = await bench.ring()
    raw = await bench.redis.get(names.JOB_PREFIX + job)
    await bench.redis.set(names.JOB_PREFIX + job, raw.replace(b'"v":1', b'"v":2'))
    (unknown,) = await bench.ring()
    await bench.redis.set(
        names.JOB_PREFIX + unknown, dumps({"f": "session.erase", "a": [], "k": {}, "t": None, "et": 1})
    )
    worker = await bench.leased()
    await until(lambda: worker.jobs_claimed > 6)
    assert await bench.redis.zcard(bench.queue) == 2
    await bench.redis.set(names.JOB_PREFIX + job, raw)
    bench.gate.set()
    await until(lambda: bench.ends)
    assert bench.starts == [(job, "leased", 1)]


@pytest.mark.parametrize("raw", [b"\x80\x04]\x94.", b"[]", b"{}", b'{"f":1,"a":2,"k":3}', b""])
async def test_rubbish_is_dropped_and_rung_again(bench: Bench, raw: bytes) -> None:
    """A pickle of a stock client most of all: reading one would be running it."""
    (job,) = await bench.ring()
    await bench.redis.set(names.JOB_PREFIX + job, raw)
    bench.gate.set()
    worker = await bench.leased()
    await until(lambda: worker.jobs_claimed == 1 and worker.jobs_running == 0)
    assert bench.starts == []
    assert await bench.ring_for(job) == 1
    await until(lambda: bench.ends == [(job, "leased")])


async def test_a_run_that_cancels_itself_comes_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_NOT_CANCELLED_BY_US", ("retry", 20))

    async def body(ctx: dict[Any, Any], job_id: str) -> None:
        if ctx["job_try"] < 3:
            raise asyncio.CancelledError

    bench.body = body
    bench.gate.set()
    await bench.leased()
    await bench.ring()
    await until(lambda: bench.ends)
    assert [tries for *_, tries in bench.starts] == [1, 2, 3]


async def test_a_task_has_its_time(bench: Bench) -> None:
    worker = await bench.leased(job_timeout_s=0.05)
    await bench.ring()
    await until(lambda: worker.jobs_failed == 1)
    assert len(bench.cancels) == 1


async def test_two_thousand_runs_that_end_at_once_are_told_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More ends than one turn tells: the rest waits for no clock."""
    monkeypatch.setattr(leases, "_POLL_S", 60.0)
    worker = await bench.leased(max_jobs=2_500, lease_s=300)
    await bench.ring(2_500)
    await until(lambda: len(bench.starts) == 2_500)
    bench.gate.set()
    await until(lambda: worker.jobs_running == 0)


async def test_the_jobs_of_a_large_dead_worker_are_freed_in_portions(bench: Bench) -> None:
    """A script holds up every other client of Redis: no single one frees thousands of jobs."""
    keys = names.keys(bench.queue)
    join, turn = bench.redis.register_script(JOIN), bench.redis.register_script(TURN)
    jobs = await bench.ring(1_500)
    await join(keys=keys, args=["dead", 60_000])
    assert len((await turn(keys=keys, args=["dead", 60_000, 1_500]))[4]) == 1_500
    await join(keys=keys, args=["heir", 60_000])
    await bench.redis.zadd(names.workers_key(bench.queue), {"dead": 1})
    await turn(keys=keys, args=["heir", 60_000, 0])
    assert await bench.redis.hlen(f"{bench.queue}:held:dead") == 500  # type: ignore[misc]
    worker = await bench.leased(max_jobs=2_000)
    await until(lambda: len(bench.starts) == 1_500)
    assert Counter((job, tries) for job, _, tries in bench.starts) == Counter((job, 2) for job in jobs)
    assert worker.jobs_running == 1_500


async def test_an_end_is_refused_where_redis_knows_of_another_holder(bench: Bench) -> None:
    """F5: a replica that took over may know less than the worker was told; the hash in Redis decides."""
    worker = await bench.leased(lease_s=300)
    (job,) = await bench.ring()
    await until(lambda: bench.starts)
    await bench.redis.hdel(f"{bench.queue}:held:{worker.worker_id}", job)  # type: ignore[misc]
    await bench.redis.hset(f"{bench.queue}:held:another", job, "1")  # type: ignore[misc]
    await bench.redis.set(names.HOLDER_PREFIX + job, "another")
    bench.gate.set()
    await until(lambda: worker.jobs_running == 0)
    assert worker.jobs_lost == 1
    assert await bench.holder(job) == "another"
    assert await bench.redis.exists(names.JOB_PREFIX + job)


async def test_a_job_that_a_stock_worker_took_over_is_let_go(bench: Bench) -> None:
    """A stock worker's job stands where it stood, so only its mark tells that it runs."""
    worker = await bench.leased(lease_s=4)
    (job,) = await bench.ring()
    await until(lambda: bench.starts)
    await bench.redis.hdel(f"{bench.queue}:held:{worker.worker_id}", job)  # type: ignore[misc]
    await bench.redis.zadd(bench.queue, {job: 1})
    await bench.redis.set(names.HOLDER_PREFIX + job, "1")
    await until(lambda: bench.cancels == [(job, "leased", leases.LOST)])
    assert await bench.holder(job) == "1"
