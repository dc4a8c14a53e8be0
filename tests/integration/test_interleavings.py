"""Two who change one job or session at once, each interleaving held as it is meant with locks of Postgres."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from shared.database import Connection, Pool, open_pool, transaction
from shared.errors import CancelledByUserError, ConflictError, EngineError, NotFoundError
from shared.jobs import moves
from shared.jobs.dispatch import Dispatcher
from shared.jobs.operations import Cost, OperationRepository
from shared.jobs.pieces import Intent, Piece, PieceRepository
from shared.jobs.repository import JobRepository
from shared.lifecycle import Outcome, Phase, Priority
from shared.queue.client import RedisJobQueue, connect
from shared.records import JobRecord
from shared.sessions import SessionRepository
from shared.transcript import Segment
from shared.transcripts.repository import TranscriptRepository
from tests.fixtures.locks import until_waiting
from tests.fixtures.rows import a_job, a_session, an_operation, sign_on, stored_job
from worker_service.status import StatusBoard


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url, size=6, name="test") as opened:
        yield opened


@pytest.fixture
def jobs(pool: Pool) -> JobRepository:
    return JobRepository(pool)


async def claimed(jobs: JobRepository, job: JobRecord) -> JobRecord:
    run = await jobs.claim(job.id, "w1")
    assert run is not None
    return run


async def save(pool: Pool, connection: Connection, run: JobRecord) -> bool:
    """What a worker does at the end of a run, inside its transaction."""
    ours = await JobRepository(pool).succeed(connection, run, warnings=[], model="m", language="en")
    if ours:
        segments = [Segment(0, 0, 900, "How are you?")]
        await TranscriptRepository(pool).replace(connection, run.session_id, segments, [])
    return ours


async def rows_of(pool: Pool, *tables: str) -> list[int]:
    return [await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


async def test_who_cancels_while_a_transcript_is_saved_is_too_late(pool: Pool, jobs: JobRepository) -> None:
    """F12: terminal states are final, whichever comes first."""
    run = await claimed(jobs, await stored_job(pool))
    async with transaction(pool) as saving:
        assert await save(pool, saving, run)
        cancelling = asyncio.create_task(jobs.cancel(run.id, run.tenant_id, CancelledByUserError()))
        await until_waiting(pool)
    assert await cancelling is None
    assert (await jobs.get(run.id, run.tenant_id)).status == "succeeded"
    assert await rows_of(pool, "transcript_segment") == [1]


async def test_a_transcript_that_comes_while_its_job_is_cancelled_is_not_saved(
    pool: Pool, jobs: JobRepository
) -> None:
    """F12: a late result overwrites nothing."""
    run = await claimed(jobs, await stored_job(pool))

    async def saved() -> bool:
        async with transaction(pool) as connection:
            return await save(pool, connection, run)

    async with transaction(pool) as cancelling:
        await cancelling.fetchrow(moves.CANCEL, run.id, {"code": "cancelled"})
        saving = asyncio.create_task(saved())
        await until_waiting(pool)
    assert not await saving
    assert (await jobs.get(run.id, run.tenant_id)).status == "cancelled"
    assert await rows_of(pool, "transcript_segment") == [0]


async def test_a_session_that_is_erased_while_its_transcript_is_saved_goes_whole(
    pool: Pool, jobs: JobRepository
) -> None:
    """F13, F32: what was spent stays booked."""
    run = await claimed(jobs, await stored_job(pool))
    operation = await an_operation(pool, run, "op-1")
    async with transaction(pool) as saving:
        assert await save(pool, saving, run)
        erasing = asyncio.create_task(SessionRepository(pool).delete(run.session_id, run.tenant_id))
        await until_waiting(pool)
        await OperationRepository(pool).close(saving, operation, Outcome.SUCCEEDED, Cost(2_000, 534))
    assert await erasing
    assert await rows_of(pool, "session", "job", "transcript_segment", "usage") == [0, 0, 0, 1]


async def test_who_moves_a_job_and_who_erases_its_session_do_not_wait_for_each_other(
    pool: Pool, jobs: JobRepository
) -> None:
    """F13: a move locks the job and then its session; an erasure takes them in the same order."""
    job = await stored_job(pool)
    async with transaction(pool) as claiming:
        await claiming.execute("SELECT FROM job FOR UPDATE")
        erasing = asyncio.create_task(SessionRepository(pool).delete(job.session_id, job.tenant_id))
        await until_waiting(pool)
        assert await claiming.fetchrow(moves.CLAIM, job.id, "w1", None)
    assert await erasing
    assert await rows_of(pool, "session", "job") == [0, 0]


async def test_of_two_who_retry_at_once_one_is_told_so(pool: Pool, jobs: JobRepository) -> None:
    """F9: the second sees the job of the first, and no error of the database."""
    session = a_session()
    run = await claimed(jobs, await stored_job(pool, session=session))
    await jobs.fail(run.id, run.attempt, EngineError())
    async with transaction(pool) as holding:
        await holding.execute("SELECT FROM session FOR UPDATE")
        both = [asyncio.create_task(jobs.add(a_job(session))) for _ in range(2)]
        await until_waiting(pool, 2)
    outcomes: list[Any] = await asyncio.gather(*both, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [ConflictError]
    assert await rows_of(pool, "job") == [2]


async def test_who_retries_while_the_session_is_erased_is_told_that_it_is_gone(
    pool: Pool, jobs: JobRepository
) -> None:
    """F13."""
    session = a_session()
    run = await claimed(jobs, await stored_job(pool, session=session))
    await jobs.fail(run.id, run.attempt, EngineError())
    async with transaction(pool) as erasing:
        await erasing.execute("DELETE FROM session")
        adding = asyncio.create_task(jobs.add(a_job(session)))
        await until_waiting(pool)
    with pytest.raises(NotFoundError):
        await adding
    assert await rows_of(pool, "session", "job") == [0, 0]


async def test_a_run_that_is_taken_over_this_moment_forgets_nothing(pool: Pool, jobs: JobRepository) -> None:
    """F5, F6: what it finds missing or failed is the newer attempt's to look for."""
    run = await claimed(jobs, await stored_job(pool))
    operation = await an_operation(pool, run, "op-1")
    rows = OperationRepository(pool)

    async def forgotten() -> bool:
        async with transaction(pool) as connection:
            return await rows.forget(connection, run, operation, Outcome.FAILED, Cost(2_000, 534))

    async with transaction(pool) as claiming:
        await claiming.fetchrow(moves.CLAIM, run.id, "w2", None)
        forgetting = asyncio.create_task(forgotten())
        await until_waiting(pool)
    assert not await forgetting
    assert (await jobs.get(run.id, run.tenant_id)).operation_prefix == operation.prefix
    assert await pool.fetchval("SELECT closed_at IS NULL FROM operation")


async def test_pieces_are_not_meant_by_a_run_that_is_taken_over_this_moment(
    pool: Pool, jobs: JobRepository
) -> None:
    """F5, F6."""
    run = await claimed(jobs, await stored_job(pool))
    intents = [Intent(Piece(0, 0, 9), "results/x/1/0/", Cost(9, 9))]
    async with transaction(pool) as claiming:
        await claiming.fetchrow(moves.CLAIM, run.id, "w2", None)
        meaning = asyncio.create_task(PieceRepository(pool).intend(run, intents, model="m", notices=()))
        await until_waiting(pool)
    assert await meaning is None
    assert await rows_of(pool, "job_piece", "operation") == [0, 0]


async def test_a_job_that_is_cancelled_while_it_is_dispatched_is_not_rung_for(
    pool: Pool, jobs: JobRepository, redis_url: str
) -> None:
    """F12."""
    await sign_on(pool)
    job = await stored_job(pool)
    queue = RedisJobQueue(connect(redis_url, queue="transcripts"), "transcripts")
    async with transaction(pool) as cancelling:
        await cancelling.fetchrow(moves.CANCEL, job.id, {"code": "cancelled"})
        dispatching = asyncio.create_task(Dispatcher(pool, queue).dispatch())
        await until_waiting(pool)
    assert await dispatching == 0
    assert await pool.fetchval("SELECT rung_at IS NULL FROM job")
    await queue.aclose()


async def test_two_dispatchers_fill_each_place_once(pool: Pool, redis_url: str) -> None:
    """F5: the second would have chosen another job for the same place, since one of higher priority has come."""
    await sign_on(pool, places=1)
    await stored_job(pool)
    queue = RedisJobQueue(connect(redis_url, queue="transcripts"), "transcripts")
    async with transaction(pool) as holding:
        await holding.execute("SELECT FROM job FOR UPDATE")
        first = asyncio.create_task(Dispatcher(pool, queue).dispatch())
        await until_waiting(pool)
        await stored_job(pool, priority=Priority.HIGH)
        second = asyncio.create_task(Dispatcher(pool, queue).dispatch())
        await until_waiting(pool, 2)
    assert (await first, await second) == (1, 0)
    await queue.aclose()


@pytest.mark.parametrize("how", ["handed over", "tried later"])
async def test_a_run_that_gave_its_job_back_cannot_end_it(pool: Pool, jobs: JobRepository, how: str) -> None:
    """F10, F14: nothing has raised the fence yet; the job waits, and nobody runs it."""
    run = await claimed(jobs, await stored_job(pool))
    if how == "handed over":
        assert await jobs.hand_over(run.id, run.attempt)
    else:
        assert await jobs.retry_later(run.id, run.attempt, EngineError(), timedelta())
    assert not await jobs.fail(run.id, run.attempt, EngineError())
    assert not await jobs.fall_back(run, EngineError(), {})
    assert not await jobs.measured(run.id, run.attempt, 1_000)
    assert (await jobs.get(run.id, run.tenant_id)).status == "queued"


async def test_a_claim_ends_the_wait_for_another_try(pool: Pool, jobs: JobRepository) -> None:
    """F15: a job that is handed over after that waits for a worker, not for its time."""
    run = await claimed(jobs, await stored_job(pool))
    await jobs.retry_later(run.id, run.attempt, EngineError(), timedelta())
    again = await claimed(jobs, run)
    assert again.next_attempt_at is None
    await jobs.hand_over(again.id, again.attempt)
    assert (await jobs.get(run.id, run.tenant_id)).message == "Waiting for a worker"


async def test_a_job_falls_back_once(pool: Pool, jobs: JobRepository) -> None:
    """F8: two engines that both fail are no circle, whatever the run believes."""
    run = await claimed(jobs, await stored_job(pool, fallback_engine="other"))
    assert await jobs.fall_back(run, EngineError(), {"code": "engine_fallback", "detail": "."})
    again = await claimed(jobs, run)
    assert not await jobs.fall_back(again, EngineError(), {"code": "engine_fallback", "detail": "."})
    assert (await jobs.get(run.id, run.tenant_id)).status == "running"


async def test_what_a_run_says_does_not_stand_over_the_words_of_its_end(
    pool: Pool, jobs: JobRepository
) -> None:
    """F15: neither while its end is being committed, nor after."""
    run = await claimed(jobs, await stored_job(pool))
    board = StatusBoard(pool, tick_s=1)
    board.track(run, lambda: None)
    said = "SELECT phase, message FROM processing_status"
    async with transaction(pool) as cancelling:
        await cancelling.fetchrow(moves.CANCEL, run.id, {"code": "cancelled"})
        board.report(run, Phase.TRANSCRIBING, "Listening", 0.5)
        await board.tick()  # passes over the job: it does not wait
    assert tuple(await pool.fetchrow(said) or ()) == (None, "Cancelled")
    board.track(run, lambda: None)
    board.report(run, Phase.SAVING, "Saving", 0.5)
    await board.tick()
    assert tuple(await pool.fetchrow(said) or ()) == (None, "Cancelled")
