"""The repository of jobs against Postgres: the fence, the mirror, and who wins a race."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from shared.database import Pool, open_pool, transaction
from shared.errors import (
    CancelledByUserError,
    ConflictError,
    EngineError,
    EngineUnavailableError,
    NotFoundError,
)
from shared.ids import new_id
from shared.jobs.operations import Cost, OperationRepository
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus, Outcome
from shared.money.usage import Ledger
from shared.records import JobRecord
from shared.sessions import SessionRepository
from tests.fixtures.rows import a_job, a_session, an_operation, stored_job
from tests.integration.test_migrations import GUIDE_QUERY


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url, size=10, name="test") as opened:
        yield opened


@pytest.fixture
def jobs(pool: Pool) -> JobRepository:
    return JobRepository(pool)


async def claimed(jobs: JobRepository, job: JobRecord, worker: str = "w1") -> JobRecord:
    record = await jobs.claim(job.id, worker)
    assert record is not None
    return record


async def finish(jobs: JobRepository, pool: Pool, job: JobRecord) -> bool:
    async with transaction(pool) as connection:
        return await jobs.succeed(connection, job, warnings=[], model="m", language="en")


async def statuses(pool: Pool, job: JobRecord) -> tuple[str, str]:
    row = await pool.fetchrow(
        "SELECT j.status, s.status FROM job j JOIN session s ON s.id = j.session_id WHERE j.id = $1", job.id
    )
    assert row is not None
    return (row[0], row[1])


async def test_a_new_job_is_queued_and_so_is_its_session(pool: Pool, jobs: JobRepository) -> None:
    job = await stored_job(pool)
    stored = await jobs.get(job.id, job.tenant_id)
    assert (stored.status, stored.attempt, stored.progress) == (JobStatus.QUEUED, 0, 0)
    assert await statuses(pool, job) == ("queued", "queued")


async def test_a_claim_raises_the_fence(pool: Pool, jobs: JobRepository) -> None:
    job = await stored_job(pool)
    first = await claimed(jobs, job)
    assert (first.attempt, first.failures, first.worker) == (1, 0, "w1")
    assert await statuses(pool, job) == ("running", "running")


async def test_of_two_claims_the_later_owns_the_job(pool: Pool, jobs: JobRepository) -> None:
    """F5: a job delivered twice is written by one run only."""
    job = await stored_job(pool)
    first = await claimed(jobs, job, "w1")
    second = await claimed(jobs, job, "w2")
    assert (second.attempt, second.failures) == (
        2,
        1,
    )  # a takeover counts: the first worker died of something
    assert not await finish(jobs, pool, first)
    assert not await jobs.fail(job.id, first.attempt, EngineError())
    assert not await jobs.hand_over(job.id, first.attempt)
    assert not await jobs.measured(job.id, first.attempt, 1000)
    assert await finish(jobs, pool, second)
    assert await statuses(pool, job) == ("succeeded", "succeeded")


async def test_a_handover_is_not_a_failure(pool: Pool, jobs: JobRepository) -> None:
    """F10: a deploy does not burn the retry budget."""
    job = await stored_job(pool)
    for _ in range(20):
        run = await claimed(jobs, job)
        assert run.failures == 0
        assert await jobs.hand_over(job.id, run.attempt)


async def test_a_transient_error_is_kept_and_dated(pool: Pool, jobs: JobRepository) -> None:
    """F14: the retry is a row, not an exception that something may swallow."""
    job = await stored_job(pool)
    run = await claimed(jobs, job)
    wait = timedelta(minutes=5)
    assert await jobs.retry_later(job.id, run.attempt, EngineUnavailableError(), wait)
    stored = await jobs.get(job.id, job.tenant_id)
    assert (stored.status, stored.failures) == (JobStatus.QUEUED, 1)
    # By the database's clock: those of the workers may differ.
    assert stored.next_attempt_at == await pool.fetchval("SELECT queued_at + $1::interval FROM job", wait)
    assert stored.error is not None
    assert stored.error["code"] == "engine_unavailable"
    assert await jobs.claim(job.id, "w1") is None, "not due yet"


@pytest.mark.parametrize("ended", ["succeeded", "failed", "cancelled"])
async def test_what_has_ended_stays(pool: Pool, jobs: JobRepository, ended: str) -> None:
    """F12: a late result never overwrites."""
    job = await stored_job(pool)
    run = await claimed(jobs, job)
    if ended == "succeeded":
        await finish(jobs, pool, run)
    elif ended == "failed":
        await jobs.fail(job.id, run.attempt, EngineError())
    else:
        await jobs.cancel(job.id, job.tenant_id, CancelledByUserError())
    assert await jobs.claim(job.id, "w2") is None
    assert not await finish(jobs, pool, run)
    assert not await jobs.retry_later(job.id, run.attempt, EngineError(), timedelta())
    assert await jobs.cancel(job.id, job.tenant_id, CancelledByUserError()) is None
    assert await statuses(pool, job) == (ended, ended)


async def as_the_guide_asks(pool: Pool) -> tuple[Any, ...]:
    (row,) = await pool.fetch(GUIDE_QUERY)
    return tuple(row)[1:]


WORDS = [("succeeded", "Finished"), ("failed", "Failed: The disk is full"), ("cancelled", "Cancelled")]


@pytest.mark.parametrize(("ended", "words"), WORDS)
async def test_a_job_s_words_are_its_own(pool: Pool, jobs: JobRepository, ended: str, words: str) -> None:
    """F15: the end is told in words, which stay when the session gets another job."""
    job = await stored_job(pool)
    run = await claimed(jobs, job)
    assert run.message == "Starting"
    await jobs.measured(job.id, run.attempt, 3_000)
    await pool.execute(
        "UPDATE processing_status SET phase = 'transcribing', message = 'Listening', progress = 60,"
        " audio_ms_done = 1800"
    )
    assert (await jobs.get(job.id, job.tenant_id)).message == "Listening"
    if ended == "succeeded":
        await finish(jobs, pool, run)
    elif ended == "failed":
        await jobs.fail(job.id, run.attempt, EngineError("The disk is full. Nothing was kept."))
    else:
        await jobs.cancel(job.id, job.tenant_id, CancelledByUserError())
    before = await jobs.get(job.id, job.tenant_id)
    done = (100, 3_000) if ended == "succeeded" else (60, 1_800)
    assert (before.message, before.phase, before.progress, before.audio_ms_done) == (words, None, *done)
    assert await as_the_guide_asks(pool) == (ended, job.id, done[0], words)

    again = a_job(await SessionRepository(pool).get(job.session_id, job.tenant_id))
    await jobs.add(again)
    assert await jobs.get(job.id, job.tenant_id) == before
    assert await as_the_guide_asks(pool) == ("queued", again.id, 0, "Waiting for a worker")


async def test_a_job_that_waits_says_what_for(pool: Pool, jobs: JobRepository) -> None:
    job = await stored_job(pool)
    assert (await jobs.get(job.id, job.tenant_id)).message == "Waiting for a worker"
    run = await claimed(jobs, job)
    await jobs.hand_over(job.id, run.attempt)
    assert (await jobs.get(job.id, job.tenant_id)).message == "Waiting for a worker"
    run = await claimed(jobs, job)
    await jobs.retry_later(job.id, run.attempt, EngineUnavailableError(), timedelta())
    assert (await jobs.get(job.id, job.tenant_id)).message == "Waiting for another try"


async def test_a_running_job_can_be_cancelled(pool: Pool, jobs: JobRepository) -> None:
    """F12, F13."""
    job = await stored_job(pool)
    await claimed(jobs, job)
    cancelled = await jobs.cancel(job.id, job.tenant_id, CancelledByUserError())
    assert cancelled is not None
    assert cancelled.status == JobStatus.CANCELLED
    assert cancelled.finished_at is not None


async def test_one_session_has_one_active_job(pool: Pool, jobs: JobRepository) -> None:
    """F9: a double click starts one job."""
    session = a_session()
    first = await stored_job(pool, session=session)
    run = await claimed(jobs, first)
    await finish(jobs, pool, run)
    attempts = [jobs.add(a_job(session)) for _ in range(10)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 9


async def test_another_tenant_sees_nothing(pool: Pool, jobs: JobRepository) -> None:
    """F43."""
    job = await stored_job(pool)
    with pytest.raises(NotFoundError):
        await jobs.get(job.id, "another")
    with pytest.raises(NotFoundError):
        await jobs.cancel(job.id, "another", CancelledByUserError())
    with pytest.raises(NotFoundError):
        await jobs.add(a_job(a_session(id=job.session_id, tenant_id="another")))
    assert await jobs.page("another", limit=10) == []
    sessions = SessionRepository(pool)
    assert not await sessions.delete(job.session_id, "another")
    with pytest.raises(NotFoundError):
        await sessions.patch(job.session_id, "another", title="Mine")
    run = await claimed(jobs, job)
    operation = await an_operation(pool, run, "op-1")
    async with transaction(pool) as connection:
        await OperationRepository(pool).close(connection, operation, Outcome.SUCCEEDED, Cost(2_000, 534))
    ledger = Ledger(pool)
    assert [await ledger.of_job(tenant, job.id) for tenant in (job.tenant_id, "another")] == [534, None]


async def test_pages_go_from_new_to_old_without_gaps(pool: Pool, jobs: JobRepository) -> None:
    made = [(await stored_job(pool)).id for _ in range(7)]
    seen: list[Any] = []
    before = None
    while page := await jobs.page("default", limit=3, before=before):
        seen += [job.id for job in page]
        before = seen[-1]
    assert seen == sorted(made, reverse=True)


async def test_a_job_that_is_gone_cannot_be_claimed(jobs: JobRepository) -> None:
    assert await jobs.claim(new_id(), "w1") is None


@pytest.mark.parametrize("column", ["status", "priority", "processing"])
async def test_the_database_refuses_words_that_nothing_knows(pool: Pool, column: str) -> None:
    job = await stored_job(pool)
    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(f"UPDATE job SET {column} = 'SUCCESS' WHERE id = $1", job.id)
