"""A job whose engine fails for good goes on with the other one that the caller allowed, and says what both cost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api_service.intake.drafts import order_of
from shared.database import Pool, open_pool
from shared.errors import EngineRefusedError, EngineUnavailableError
from shared.jobs.operations import Cost
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus
from shared.money.budgets import Budgets
from shared.records import JobRecord
from shared.storage.disk import DiskStore
from shared.tenants import DEFAULT_TENANT
from tests.fixtures.audio import tone_wav
from tests.fixtures.rows import a_session, put_bytes, stored_job
from worker_service.engines.port import OperationEndedError, Progress, SpeechRequest, SpeechResult
from worker_service.engines.scripted import ScriptedEngine
from worker_service.observation.metrics import WorkerMetrics
from worker_service.sources.fetching import Fetcher, FetchLimits
from worker_service.sources.opening import Sources
from worker_service.status import StatusBoard
from worker_service.transcribe import RunLimits, Transcriber
from worker_service.upkeep.loose_ends import LooseEnds


class Refusing(ScriptedEngine):
    """Bills what it heard and gives nothing; with `lost`, its operations go on and cannot be followed."""

    lost = False

    async def follow(self, request: SpeechRequest, operation: str, progress: Progress) -> SpeechResult:
        if self.lost:
            raise EngineUnavailableError("It does not answer.")
        raise OperationEndedError(EngineRefusedError("It is all noise to me."), Cost(2_000, 24_000))


@dataclass
class Bench:
    """A worker with two engines: `first` fails, `other` hears."""

    pool: Pool
    store: DiskStore
    first: Refusing
    transcriber: Transcriber

    async def job(self, audio: bytes | None = None, **changes: Any) -> JobRecord:
        session = a_session()
        await put_bytes(self.store, session.audio_key, audio or tone_wav(2.0))
        order = {"engine": "first", "fallback_engine": "other", **changes}
        return await stored_job(self.pool, session=session, **order)

    async def run(self, job: JobRecord) -> JobRecord:
        """The job after so many attempts of its engine that it is over, or waits for another."""
        while await self.transcriber.run(job.id) is not None:
            pass
        return await self.now(job)

    async def now(self, job: JobRecord) -> JobRecord:
        return await JobRepository(self.pool).get(job.id, job.tenant_id)

    async def booked(self) -> list[tuple[Any, ...]]:
        rows = await self.pool.fetch(
            "SELECT engine, attempt, micro_dollars, estimated FROM usage ORDER BY attempt"
        )
        return [tuple(row) for row in rows]


@pytest.fixture
async def bench(database_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with await open_pool(database_url, size=6, name="test") as pool:
        store, first = DiskStore(tmp_path / "objects"), Refusing()
        engines = {"first": first, "other": ScriptedEngine()}
        transcriber = Transcriber(
            pool=pool, store=store, engines=engines, status=StatusBoard(pool, tick_s=0.05),
            loose_ends=LooseEnds(pool, engines), metrics=WorkerMetrics(),
            sources=Sources(pool, store, Fetcher(store, FetchLimits(10**7, 10))),
            limits=RunLimits("w", 3, 60_000, 0.01, tmp_path, asyncio.Semaphore(2)),
        )  # fmt: skip
        yield Bench(pool, store, first, transcriber)


async def test_it_goes_on_with_the_other_engine_and_tells_what_both_cost(bench: Bench) -> None:
    """F32: each engine's row in the ledger; the warning names both, before and after."""
    job = await bench.job(model="seconds=0")
    await bench.pool.execute("UPDATE job SET rung_at = now(), lane = 'first,other'")
    waiting = await bench.run(job)
    assert (waiting.status, waiting.engine, waiting.model, waiting.failures) == (
        JobStatus.QUEUED,
        "other",
        None,
        0,
    )
    assert waiting.fell_back is not None
    assert waiting.fell_back["engine"] == "first"
    assert "first gave up (engine_refused: It is all noise to me.)" in waiting.warnings[0]["detail"]
    row = await bench.pool.fetchrow("SELECT rung_at, lane FROM job")
    assert row is not None
    assert (row["rung_at"], row["lane"]) == (None, None), "it is dispatched anew, to whoever runs that engine"
    done = await bench.run(job)
    assert (done.status, done.engine, done.attempt, done.error) == (JobStatus.SUCCEEDED, "other", 2, None)
    assert await bench.booked() == [("first", 1, 24_000, False), ("other", 2, 534, False)]
    [warning] = done.warnings
    assert warning["code"] == "engine_fallback"
    assert "first cost $0.0240; other cost $0.0005." in warning["detail"]
    events = await bench.pool.fetch("SELECT what, detail FROM job_event ORDER BY n")
    assert [row["what"] for row in events] == ["queued", "claimed", "fell_back", "claimed", "succeeded"]
    assert events[2]["detail"] == {"from": "first", "to": "other", "code": "engine_refused"}


async def test_an_engine_that_stays_away_is_left_and_what_it_still_does_is_stopped(bench: Bench) -> None:
    """F7, F12: after all attempts; the operation that goes on is cancelled, and booked before the other has begun."""
    bench.first.lost = True
    job = await bench.job()
    waiting = await bench.run(job)
    assert (waiting.engine, waiting.attempt, waiting.failures) == ("other", 3, 0)
    assert bench.first.cancelled == [f"scripted/{job.id}/1"]
    done = await bench.run(job)
    assert done.status is JobStatus.SUCCEEDED
    assert await bench.booked() == [("first", 1, 267, True), ("other", 4, 534, False)]
    assert "(engine_unavailable: It does not answer.)" in done.warnings[0]["detail"]


async def test_what_another_engine_would_not_mend_fails_at_once(bench: Bench) -> None:
    """A bad recording, a budget, and a job that allows no other engine."""
    broken = await bench.run(await bench.job(audio=b"no recording" * 100))
    alone = await bench.run(await bench.job(fallback_engine=None))
    await Budgets(bench.pool).set(DEFAULT_TENANT, 1)
    poor = await bench.run(await bench.job())
    found = [(job.status, job.error and job.error["code"], job.fell_back) for job in (broken, alone, poor)]
    assert [code for _, code, _ in found] == ["media_unreadable", "engine_refused", "budget_exceeded"]
    assert {(status, fell_back) for status, _, fell_back in found} == {(JobStatus.FAILED, None)}


async def test_it_changes_engines_once_and_a_retry_begins_with_the_first(bench: Bench) -> None:
    job = await bench.job(engine="other", fallback_engine="first", model="fail=engine_failed")
    assert (await bench.run(job)).engine == "first"
    failed = await bench.run(job)
    assert failed.error is not None
    assert (failed.status, failed.error["code"]) == (JobStatus.FAILED, "engine_refused")
    assert failed.warnings[0]["code"] == "engine_fallback"
    order = order_of(failed)
    assert (order["engine"], order["model"], order["fallback_engine"]) == (
        "other",
        "fail=engine_failed",
        "first",
    )


async def test_a_worker_that_was_overtaken_changes_nothing(bench: Bench) -> None:
    """F5: the fence."""
    job = await bench.job()
    jobs = JobRepository(bench.pool)
    old = await jobs.claim(job.id, "w1")
    assert old is not None
    assert await jobs.claim(job.id, "w2")
    assert not await jobs.fall_back(old, EngineRefusedError(), {"code": "engine_fallback", "detail": ""})
    assert (await bench.now(job)).engine == "first"
