"""The status board: few statements, never backwards, and runs learn what happened to their job."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.database import Pool, open_pool
from shared.errors import CancelledByUserError
from shared.jobs.repository import JobRepository
from shared.lifecycle import Phase
from shared.records import JobRecord
from tests.fixtures.rows import stored_job
from worker_service.status import SCALE, StatusBoard


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url, size=4, name="test") as opened:
        yield opened


@pytest.fixture
def board(pool: Pool) -> StatusBoard:
    return StatusBoard(pool, tick_s=0.01)


async def running(pool: Pool) -> JobRecord:
    job = await stored_job(pool)
    claimed = await JobRepository(pool).claim(job.id, "w1")
    assert claimed is not None
    return claimed


def nothing() -> None:
    pytest.fail("the job was not lost")


async def test_progress_is_served_as_it_was_reported(pool: Pool, board: StatusBoard) -> None:
    """F15: one status record, written by the worker, served verbatim."""
    job = await running(pool)
    board.track(job, nothing)
    board.report(job, Phase.TRANSCRIBING, "Listening", 0.5, 30_000)
    await board.tick()
    seen = await JobRepository(pool).get(job.id, job.tenant_id)
    assert (seen.phase, seen.message, seen.progress, seen.audio_ms_done) == (
        Phase.TRANSCRIBING, "Listening", 54, 30_000,
    )  # fmt: skip


async def test_progress_never_goes_back(pool: Pool, board: StatusBoard) -> None:
    """F15: not even when another attempt starts over."""
    job = await running(pool)
    board.track(job, nothing)
    board.report(job, Phase.TRANSCRIBING, "Listening", 0.5, 30_000)
    await board.tick()
    board.forget(job)
    again = await JobRepository(pool).claim(job.id, "w2")
    assert again is not None
    board.track(again, nothing)
    board.report(again, Phase.PREPARING, "Reading", 0.1)
    await board.tick()
    seen = await JobRepository(pool).get(job.id, job.tenant_id)
    assert (seen.phase, seen.progress, seen.audio_ms_done) == (Phase.PREPARING, 54, 30_000)


async def test_an_overtaken_run_writes_nothing_and_is_told(pool: Pool, board: StatusBoard) -> None:
    """F5."""
    job = await running(pool)
    told = asyncio.Event()
    board.track(job, told.set)
    await JobRepository(pool).claim(job.id, "w2")
    board.report(job, Phase.TRANSCRIBING, "A voice from the grave", 0.9)
    await board.tick()
    assert told.is_set()
    seen = await JobRepository(pool).get(job.id, job.tenant_id)
    assert (seen.progress, seen.message) == (0, "Starting")


async def test_a_cancelled_or_deleted_job_s_run_is_told(pool: Pool, board: StatusBoard) -> None:
    """F12, F13."""
    cancelled, deleted, kept = [await running(pool) for _ in range(3)]
    told: list[str] = []
    board.track(cancelled, lambda: told.append("cancelled"))
    board.track(deleted, lambda: told.append("deleted"))
    board.track(kept, nothing)
    await JobRepository(pool).cancel(cancelled.id, cancelled.tenant_id, CancelledByUserError())
    await pool.execute("DELETE FROM session WHERE id = $1", deleted.session_id)
    await board.tick()
    await board.tick()
    assert sorted(told) == ["cancelled", "deleted"]


async def test_two_statements_a_tick_however_many_jobs(pool: Pool, board: StatusBoard) -> None:
    """F18: the cost of progress does not grow with the jobs."""
    jobs = [await running(pool) for _ in range(25)]
    for job in jobs:
        board.track(job, nothing)
        board.report(job, Phase.PREPARING, "Reading", 1.0)
    statements: list[str] = []
    async with pool.acquire() as connection:
        board._pool = connection  # type: ignore[assignment]  # the same calls on one observed connection
        await board.tick()  # a connection's first use asks for the types
        for job in jobs:
            board.report(job, Phase.PREPARING, "Reading", 1.0)
        connection.add_query_logger(lambda record: statements.append(record.query))
        await board.tick()
        await asyncio.sleep(0)  # the logger is called on the loop's next turn
        assert len(statements) == 2
    seen = await JobRepository(pool).page("default", limit=100)
    assert {job.progress for job in seen} == {SCALE[Phase.PREPARING][1]}


async def test_what_could_not_be_written_is_written_later(pool: Pool, board: StatusBoard) -> None:
    job = await running(pool)
    board.track(job, nothing)
    board.report(job, Phase.PREPARING, "Reading", 1.0)
    await pool.execute("ALTER TABLE processing_status RENAME TO elsewhere")
    with pytest.raises(Exception, match="does not exist"):
        await board.tick()
    await pool.execute("ALTER TABLE elsewhere RENAME TO processing_status")
    await board.tick()
    assert (await JobRepository(pool).get(job.id, job.tenant_id)).message == "Reading"


async def test_a_run_that_ends_its_job_is_not_told_that_it_lost_it(pool: Pool, board: StatusBoard) -> None:
    """Else a tick between the commit and what comes after it would cut that off, and count it as abandoned."""
    job = await running(pool)
    board.track(job, nothing)
    board.settle(job)
    await JobRepository(pool).cancel(job.id, job.tenant_id, CancelledByUserError())
    await board.tick()
    board.forget(job)


async def test_the_phases_that_a_run_enters_are_told_once_each(pool: Pool, board: StatusBoard) -> None:
    job = await running(pool)
    entered: list[Phase] = []
    board.track(job, nothing, entered.append)
    for phase in (Phase.PREPARING, Phase.PREPARING, Phase.SUBMITTING, Phase.TRANSCRIBING, Phase.TRANSCRIBING):
        board.report(job, phase, "")
    assert entered == [Phase.PREPARING, Phase.SUBMITTING, Phase.TRANSCRIBING]
