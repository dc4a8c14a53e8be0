"""Who is next: places, tenants in turn, limits, races, and a queue that is away; on Postgres and Redis."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from shared.database import Pool, open_pool
from shared.errors import EngineUnavailableError, QueueUnavailableError
from shared.jobs.dispatch import POSITIONS, Dispatcher
from shared.jobs.repository import JobRepository
from shared.lifecycle import Priority
from shared.queue.client import RedisJobQueue, connect
from shared.records import JobRecord
from tests.fixtures.rows import a_session, sign_on, stored_job


@dataclass
class Line:
    """Jobs by name, and the dispatcher under test."""

    pool: Pool
    queue: RedisJobQueue
    jobs: dict[str, JobRecord] = field(default_factory=dict)

    def dispatcher(self, limit: int | None = None) -> Dispatcher:
        return Dispatcher(self.pool, self.queue, tenant_limit=limit)

    async def wait(self, *names: str, **changes: Any) -> None:
        """Jobs that wait; the part before the dash is the tenant."""
        for name in names:
            session = a_session(tenant_id=name.partition("-")[0])
            self.jobs[name] = await stored_job(self.pool, session=session, **changes)

    async def rung(self) -> set[str]:
        """The jobs that are in the queue or run."""
        rows = await self.pool.fetch("SELECT id FROM job WHERE rung_at IS NOT NULL AND finished_at IS NULL")
        return self.names([row["id"] for row in rows])

    def names(self, ids: list[Any]) -> set[str]:
        return {name for name, job in self.jobs.items() if job.id in ids}

    async def start(self, *names: str) -> None:
        for name in names:
            self.jobs[name] = await JobRepository(self.pool).claim(self.jobs[name].id, "w") or pytest.fail(
                name
            )

    async def end(self, *names: str) -> None:
        for name in names:
            job = self.jobs[name]
            assert await JobRepository(self.pool).fail(job.id, job.attempt, EngineUnavailableError())

    async def order(self) -> list[str]:
        rows = await self.pool.fetch(POSITIONS, 1_000)
        by_id = {job.id: name for name, job in self.jobs.items()}
        return [by_id[row["id"]] for row in rows]


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Line]:
    queue = RedisJobQueue(connect(redis_url, retries=0), give_up_s=120)
    async with await open_pool(database_url, size=10, name="test") as pool:
        yield Line(pool, queue)
    await queue.aclose()


async def test_nothing_is_rung_for_while_nobody_has_a_place(line: Line) -> None:
    await sign_on(line.pool, "dead", seen_s_ago=16)
    await sign_on(line.pool, "drains", draining=True)
    await sign_on(line.pool, "stopped", stopped=True)
    await line.wait("a-1")
    assert await line.dispatcher().dispatch() == 0
    await sign_on(line.pool, "alive", places=1)
    assert await line.dispatcher().dispatch() == 1
    assert await line.rung() == {"a-1"}


async def test_another_s_first_job_is_next_however_many_wait(line: Line) -> None:
    """One tenant's many jobs delay another's first by no more than the turn of one that runs."""
    await sign_on(line.pool, "w", places=3)
    await line.wait(*(f"a-{n:02}" for n in range(50)))
    dispatcher = line.dispatcher()
    assert await dispatcher.dispatch() == 3
    await line.start("a-00", "a-01", "a-02")
    await line.wait("b-1", "b-2", "c-1")
    assert await dispatcher.dispatch() == 0  # all places are taken
    assert (await line.order())[:4] == ["b-1", "c-1", "b-2", "a-03"]
    for ended, following in (("a-00", "b-1"), ("a-01", "c-1"), ("a-02", "a-03")):
        await line.end(ended)
        assert await dispatcher.dispatch() == 1
        assert following in await line.rung()
        await line.start(following)


async def test_priority_and_age_decide_within_a_tenant(line: Line) -> None:
    await line.wait("a-low", priority=Priority.LOW)
    await line.wait("a-normal-1", "a-normal-2")
    await line.wait("a-high", priority=Priority.HIGH)
    assert await line.order() == ["a-high", "a-normal-1", "a-normal-2", "a-low"]
    hours = timedelta(hours=1, minutes=1)
    await line.pool.execute(
        "UPDATE job SET place = place - $2::interval WHERE id = $1", line.jobs["a-low"].id, hours
    )
    assert await line.order() == ["a-high", "a-low", "a-normal-1", "a-normal-2"]  # nothing starves


async def test_a_tenant_s_limit_holds_and_jobs_that_wait_for_a_retry_count(line: Line) -> None:
    await sign_on(line.pool, "w", places=10)
    await line.wait(*(f"a-{n}" for n in range(5)), "b-1")
    dispatcher = line.dispatcher(limit=2)
    assert await dispatcher.dispatch() == 3
    assert await line.rung() == {"a-0", "a-1", "b-1"}
    await line.start("a-0")
    job, wait = line.jobs["a-0"], timedelta(minutes=5)
    assert await JobRepository(line.pool).retry_later(job.id, job.attempt, EngineUnavailableError(), wait)
    assert await dispatcher.dispatch() == 0
    await line.start("a-1")
    await line.end("a-1")
    assert await dispatcher.dispatch() == 1


async def test_a_job_that_waits_for_a_retry_takes_nobody_s_place(line: Line) -> None:
    await sign_on(line.pool, "w", places=1)
    await line.wait("a-1", "b-1")
    dispatcher = line.dispatcher()
    await dispatcher.dispatch()
    await line.start("a-1")
    job, wait = line.jobs["a-1"], timedelta(minutes=5)
    assert await JobRepository(line.pool).retry_later(job.id, job.attempt, EngineUnavailableError(), wait)
    assert await dispatcher.dispatch() == 1
    assert "b-1" in await line.rung()


async def test_many_processes_at_once_fill_each_place_once(line: Line) -> None:
    await sign_on(line.pool, "w", places=7)
    await line.wait(*(f"{tenant}-{n}" for tenant in "abc" for n in range(10)))
    done = await asyncio.gather(*(line.dispatcher().dispatch() for _ in range(12)))
    assert sum(done) == 7
    rung = await line.rung()
    shares = sorted(sum(name.startswith(tenant) for name in rung) for tenant in "abc")
    assert shares == [2, 2, 3]


async def test_callers_at_the_same_time_share_a_round(line: Line) -> None:
    await sign_on(line.pool, "w", places=50)
    dispatcher = line.dispatcher()
    running = asyncio.create_task(dispatcher.dispatch())
    await asyncio.sleep(0)
    await line.wait("a-1")
    done = await asyncio.gather(*(dispatcher.dispatch() for _ in range(20)))
    assert set(done) <= {1, 0}
    assert len({id(each) for each in done}) == 1
    await running
    assert await line.rung() == {"a-1"}


async def test_a_queue_that_is_away_loses_no_job(line: Line) -> None:
    """F2, F11: what was chosen stays chosen, and the sweep rings for it again."""
    await sign_on(line.pool, "w", places=1)
    await line.wait("a-1")
    away = Dispatcher(line.pool, RedisJobQueue(connect("redis://127.0.0.1:1/0", retries=0)))
    with pytest.raises(QueueUnavailableError):
        await away.dispatch()
    away.poke()  # is only logged
    await asyncio.gather(*away._pokes)
    assert await line.rung() == {"a-1"}
