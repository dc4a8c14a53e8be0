"""Jobs go to workers that run their engine: which lane a job enters, what waits, and what a dead lane leaves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.database import Pool, open_pool
from shared.jobs.dispatch import SERVED, Dispatcher
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus
from shared.queue import names
from shared.queue.client import RedisJobQueue, connect
from shared.records import JobRecord
from shared.storage.disk import DiskStore
from tests.fixtures.rows import a_session, sign_on, stored_job
from worker_service.upkeep.sweep import Sweep


@dataclass
class Yard:
    """Jobs by name, the dispatcher, and the sweep."""

    pool: Pool
    queue: RedisJobQueue
    redis: Any
    sweep: Sweep
    jobs: dict[str, JobRecord] = field(default_factory=dict)

    async def wait(self, *labels: str) -> None:
        """Jobs that wait: `tenant:engine-number`."""
        for label in labels:
            tenant, _, rest = label.partition(":")
            session = a_session(tenant_id=tenant)
            self.jobs[label] = await stored_job(
                self.pool, session=session, engine=rest.partition("-")[0], model="seconds=0"
            )

    async def dispatch(self, limit: int | None = None) -> dict[str, set[str]]:
        """Dispatch; returns the jobs in flight by lane."""
        await Dispatcher(self.pool, self.queue, tenant_limit=limit).dispatch()
        return await self.lanes()

    async def lanes(self) -> dict[str, set[str]]:
        rows = await self.pool.fetch(
            "SELECT id, lane FROM job WHERE rung_at IS NOT NULL AND finished_at IS NULL"
        )
        by_id = {job.id: label for label, job in self.jobs.items()}
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row["lane"], set()).add(by_id[row["id"]])
        return found

    async def in_redis(self, lane: str) -> set[str]:
        """The jobs in the queue of a lane."""
        ids = await self.redis.zrange(names.lane_queue(names.DEFAULT_QUEUE, lane), 0, -1)
        return {label for label, job in self.jobs.items() if str(job.id).encode() in ids}

    async def now(self, label: str) -> JobRecord:
        job = self.jobs[label]
        return await JobRepository(self.pool).get(job.id, job.tenant_id)

    async def long_ago(self) -> None:
        await self.pool.execute(
            "UPDATE job SET rung_at = now() - interval '1 minute' WHERE rung_at IS NOT NULL"
        )


@pytest.fixture
async def yard(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    redis = connect(redis_url, retries=0)
    queue = RedisJobQueue(redis)

    async def always(_: float) -> bool:
        return True

    async with await open_pool(database_url, size=4, name="test") as pool:
        sweep = Sweep(
            pool=pool, queue=queue, dispatcher=Dispatcher(pool, queue), store=DiskStore(tmp_path / "objects"),
            take_turn=always, every_s=15, dead_after_s=16,
        )  # fmt: skip
        yield Yard(pool, queue, redis, sweep)
    await queue.aclose()


async def test_a_job_waits_for_a_worker_with_its_engine_and_holds_up_nobody(yard: Yard) -> None:
    """A thousand jobs that nobody can run stand before none of another engine, of the same tenant neither."""
    await sign_on(yard.pool, "w", places=2, engines=("local",))
    await yard.wait(*(f"a:google-{n}" for n in range(20)), "a:local-1", "b:local-1", "b:local-2")
    assert await yard.dispatch() == {"local": {"a:local-1", "b:local-1"}}
    assert await yard.in_redis("local") == {"a:local-1", "b:local-1"}
    assert {row["engine"] for row in await yard.pool.fetch(SERVED)} == {"local"}
    assert (await yard.now("a:google-0")).status is JobStatus.QUEUED
    await sign_on(yard.pool, "g", places=1, engines=("google",))
    assert (await yard.dispatch())["google"] == {"a:google-0"}


async def test_versatile_workers_are_kept_for_what_only_they_can_do(yard: Yard) -> None:
    await sign_on(yard.pool, "both", places=2, engines=("local", "google"))
    await sign_on(yard.pool, "local", places=2, engines=("local",))
    await yard.wait("a:local-1", "a:local-2", "b:google-1", "c:google-1", "d:local-1")
    assert await yard.dispatch() == {
        "google,local": {"b:google-1", "c:google-1"},
        "local": {"a:local-1", "d:local-1"},
    }


async def test_every_place_is_used_and_none_twice(yard: Yard) -> None:
    await sign_on(yard.pool, "both", places=3, engines=("google", "local"))
    await sign_on(yard.pool, "both too", places=1, engines=("local", "google"))
    await sign_on(yard.pool, "local", places=2, engines=("local",))
    await yard.wait(*(f"{tenant}:local-{n}" for tenant in "abc" for n in range(4)), "a:google-1")
    lanes = await yard.dispatch()
    assert {lane: len(jobs) for lane, jobs in lanes.items()} == {"google,local": 4, "local": 2}
    assert await yard.dispatch() == lanes
    job = yard.jobs[next(iter(lanes["local"]))]
    claimed = await JobRepository(yard.pool).claim(job.id, "local", ["local"])
    assert claimed is not None
    assert await yard.dispatch() == lanes, "what runs takes its place still"


async def test_a_tenant_s_limit_counts_over_all_engines(yard: Yard) -> None:
    await sign_on(yard.pool, "l", places=5, engines=("local",))
    await sign_on(yard.pool, "g", places=5, engines=("google",))
    await yard.wait("a:local-1", "a:google-1", "a:local-2", "a:google-2", "b:google-1")
    lanes = await yard.dispatch(limit=2)
    assert lanes == {"local": {"a:local-1"}, "google": {"a:google-1", "b:google-1"}}
    assert await yard.dispatch(limit=2) == lanes


async def test_a_worker_of_an_older_release_is_rung_for_in_the_one_queue(yard: Yard) -> None:
    await sign_on(yard.pool, "old", places=1, engines=("local",))
    await yard.pool.execute("UPDATE worker SET lane = NULL")
    await yard.wait("a:local-1", "a:google-1")
    assert await yard.dispatch() == {"": {"a:local-1"}}
    assert await yard.in_redis("") == {"a:local-1"}


async def test_a_claim_takes_no_job_of_another_engine(yard: Yard) -> None:
    await yard.wait("a:google-1")
    job = yard.jobs["a:google-1"]
    assert await JobRepository(yard.pool).claim(job.id, "w", ["local", "scripted"]) is None
    assert (await yard.now("a:google-1")).status is JobStatus.QUEUED


@pytest.mark.parametrize(
    "gone", ["stopped_at = now()", "draining = true", "seen_at = now() - interval '1 minute'"]
)
async def test_what_a_lane_held_goes_to_another_when_its_last_worker_has_gone(yard: Yard, gone: str) -> None:
    """F1: what was rung and not taken; the lane that is left takes it at the next sweep."""
    await sign_on(yard.pool, "l", places=1, engines=("local",))
    await yard.wait("a:local-1")
    assert await yard.dispatch() == {"local": {"a:local-1"}}
    await sign_on(yard.pool, "both", places=1, engines=("google", "local"))
    await yard.long_ago()
    await yard.sweep.once()
    assert await yard.lanes() == {"local": {"a:local-1"}}, "its worker may be busy"
    await yard.long_ago()
    await yard.pool.execute(f"UPDATE worker SET {gone} WHERE id = 'l'")
    await yard.sweep.once()
    assert await yard.lanes() == {"google,local": {"a:local-1"}}
    assert await yard.in_redis("google,local") == {"a:local-1"}


async def test_what_a_dead_worker_ran_goes_on_in_another_lane(yard: Yard) -> None:
    """F1, F11: as a takeover, it counts as a failure; without a worker for it, it waits and says so."""
    await sign_on(yard.pool, "g", places=1, engines=("google",))
    await yard.wait("a:google-1")
    await yard.dispatch()
    claimed = await JobRepository(yard.pool).claim(yard.jobs["a:google-1"].id, "g", ["google"])
    assert claimed is not None
    await sign_on(yard.pool, "l", places=1, engines=("local",))
    await yard.sweep.once()
    assert (await yard.now("a:google-1")).status is JobStatus.RUNNING
    await yard.pool.execute("UPDATE worker SET seen_at = now() - interval '1 minute' WHERE id = 'g'")
    await yard.sweep.once()
    lost = await yard.now("a:google-1")
    assert (lost.status, lost.worker, lost.failures) == (JobStatus.QUEUED, None, 1)
    assert await yard.lanes() == {}
    await sign_on(yard.pool, "both", places=1, engines=("google", "local"))
    assert await yard.dispatch() == {"google,local": {"a:google-1"}}
    assert await JobRepository(yard.pool).claim(claimed.id, "both", ["google", "local"])
    assert not await JobRepository(yard.pool).hand_over(claimed.id, claimed.attempt), "the dead one is fenced"
    events = await yard.pool.fetch("SELECT what FROM job_event ORDER BY n")
    assert [row["what"] for row in events] == ["queued", "claimed", "worker_lost", "claimed"]
