"""Operations in Postgres: written before they are started, closed once, loose where nobody waits for them."""

from collections.abc import AsyncIterator

import pytest

from shared.database import Pool, open_pool, transaction
from shared.errors import CancelledByUserError, EngineError
from shared.jobs.operations import FREE, Cost, Operation, OperationRepository
from shared.jobs.repository import JobRepository
from shared.jobs.staging import StagingRepository
from shared.lifecycle import Outcome
from shared.records import JobRecord
from shared.transcript import Notice
from tests.fixtures.rows import an_operation, stored_job

PAID = Cost(2_000, 534)
_MANY = """
INSERT INTO operation (prefix, job_id, attempt, session_id, tenant_id, engine, model, audio_ms, expected_micro_dollars,
    created_at, closed_at, outcome)
SELECT format('results/many/%s/', n), gen_random_uuid(), 1, gen_random_uuid(), 'default', 'scripted', 'm', 1, 1,
    now() - n * interval '1 minute', CASE WHEN $2::text IS NOT NULL THEN now() - n * interval '1 minute' END, $2
FROM generate_series(1, $1) n
"""


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url, size=4, name="test") as pool:
        yield pool


@pytest.fixture
def rows(pool: Pool) -> OperationRepository:
    return OperationRepository(pool)


@pytest.fixture
def jobs(pool: Pool) -> JobRepository:
    return JobRepository(pool)


async def claimed(pool: Pool, job: JobRecord | None = None) -> JobRecord:
    job = job or await stored_job(pool)
    run = await JobRepository(pool).claim(job.id, "w")
    assert run is not None
    return run


async def close(pool: Pool, operation: Operation, outcome: Outcome, cost: Cost) -> None:
    async with transaction(pool) as connection:
        await OperationRepository(pool).close(connection, operation, outcome, cost)


async def booked(pool: Pool) -> list[tuple[int, int, int, bool]]:
    rows = await pool.fetch("SELECT attempt, billed_ms, micro_dollars, estimated FROM usage ORDER BY attempt")
    return [tuple(row) for row in rows]


async def loose(rows: OperationRepository, job: JobRecord | None = None) -> list[str]:
    return [operation.prefix for operation in await rows.loose(["scripted"], job.id if job else None)]


async def test_an_intent_comes_back_as_it_was_written(pool: Pool, rows: OperationRepository) -> None:
    """F6: whatever attempt comes next knows what was meant."""
    run = await claimed(pool)
    written = await rows.intend(
        run, "results/x/1/", model="m", audio_ms=5, notices=[Notice("a", "b")], expected=PAID
    )
    assert written is not None
    assert await rows.get("results/x/1/") == written
    assert (written.attempt, written.notices, written.name) == (1, (Notice("a", "b"),), None)
    again = await claimed(pool, run)
    assert again.operation_prefix == "results/x/1/"


async def test_an_overtaken_run_cannot_mean_to_start_anything(pool: Pool, rows: OperationRepository) -> None:
    """F5, F6."""
    old = await claimed(pool)
    await claimed(pool, old)
    assert await rows.intend(old, "p", model="m", audio_ms=1, notices=(), expected=FREE) is None
    assert await rows.get("p") is None


async def test_a_run_that_handed_its_job_over_cannot_mean_to_start_anything(
    pool: Pool, rows: OperationRepository, jobs: JobRepository
) -> None:
    """F5, F10: the fence stands where it stood, but nobody runs the job: the next attempt starts what it needs."""
    run = await claimed(pool)
    operation = await an_operation(pool, run)
    assert await jobs.hand_over(run.id, run.attempt)
    assert await rows.intend(run, "p", model="m", audio_ms=1, notices=(), expected=FREE) is None
    assert not await rows.started(run, operation, "operations/1")
    async with transaction(pool) as connection:
        assert not await rows.forget(connection, run, operation, Outcome.MISSING, FREE)


async def test_a_name_is_kept_even_where_the_job_was_lost(pool: Pool, rows: OperationRepository) -> None:
    """F6, F12: what was started can be stopped, whoever started it."""
    old = await claimed(pool)
    operation = await an_operation(pool, old)
    newer = await claimed(pool, old)
    assert not await rows.started(old, operation, "operations/1")
    kept = await rows.get(operation.prefix)
    assert kept is not None
    assert kept.name == "operations/1"
    assert await rows.started(newer, operation, "operations/1"), "the newer attempt follows it"


async def test_a_cost_is_booked_once(pool: Pool, rows: OperationRepository) -> None:
    """F32."""
    operation = await an_operation(pool, await claimed(pool), "operations/1")
    for cost in (PAID, Cost(9, 9)):
        await close(pool, operation, Outcome.SUCCEEDED, cost)
    assert await booked(pool) == [(1, 2_000, 534, False)]


async def test_what_cost_nothing_and_gave_nothing_is_not_booked(
    pool: Pool, rows: OperationRepository
) -> None:
    run = await claimed(pool)
    await close(pool, await an_operation(pool, run), Outcome.REFUSED, FREE)
    again = await claimed(pool, run)
    await close(pool, await an_operation(pool, again), Outcome.FAILED, Cost(1_000, 267, estimated=True))
    assert await booked(pool) == [(2, 1_000, 267, True)]


async def test_a_failed_operation_is_forgotten_by_its_job(pool: Pool, rows: OperationRepository) -> None:
    """F7: so that the next attempt starts another."""
    run = await claimed(pool)
    operation = await an_operation(pool, run, "operations/1")
    async with transaction(pool) as connection:
        assert await rows.forget(connection, run, operation, Outcome.FAILED, PAID)
    again = await claimed(pool, run)
    assert (again.operation_prefix, again.operation_name) == (None, None)
    assert await booked(pool) == [(1, 2_000, 534, False)]
    async with transaction(pool) as connection:
        assert not await rows.forget(connection, run, operation, Outcome.FAILED, PAID), "fenced"


@pytest.mark.parametrize("name", [None, "operations/1"])
async def test_what_an_active_job_waits_for_is_not_loose(
    pool: Pool, rows: OperationRepository, jobs: JobRepository, name: str | None
) -> None:
    """F10: neither while it runs, nor between two workers, nor while it waits for its next attempt."""
    run = await claimed(pool)
    await an_operation(pool, run, name)
    assert await loose(rows) == []
    assert await jobs.hand_over(run.id, run.attempt)
    assert await loose(rows) == []


async def test_what_nobody_waits_for_is_loose(
    pool: Pool, rows: OperationRepository, jobs: JobRepository
) -> None:
    """F12, F13: of a job that was cancelled, failed or deleted, or that has started another since."""
    cancelled, failed, deleted, overlapped = [await claimed(pool) for _ in range(4)]
    prefixes = [(await an_operation(pool, run)).prefix for run in (cancelled, failed, deleted, overlapped)]
    await jobs.cancel(cancelled.id, cancelled.tenant_id, CancelledByUserError())
    await jobs.fail(failed.id, failed.attempt, EngineError())
    await pool.execute("DELETE FROM session WHERE id = $1", deleted.session_id)
    await an_operation(pool, await claimed(pool, overlapped))
    assert await loose(rows) == prefixes
    assert await loose(rows, deleted) == [prefixes[2]]
    assert await rows.loose(["google"]) == []
    operation = await rows.get(prefixes[0])
    assert operation is not None
    await close(pool, operation, Outcome.CANCELLED, PAID)
    assert await loose(rows) == prefixes[1:]


async def test_an_operation_that_turns_up_late_is_open_again(pool: Pool, rows: OperationRepository) -> None:
    """F6: a run that stood still between its intent and its submit started one after all: it is stopped."""
    stalled = await claimed(pool)
    operation = await an_operation(pool, stalled)
    newer = await claimed(pool, stalled)
    async with transaction(pool) as connection:
        assert await rows.forget(connection, newer, operation, Outcome.MISSING, FREE)
    await an_operation(pool, newer, "operations/2")
    assert await loose(rows) == []
    assert not await rows.started(stalled, operation, "operations/1")
    assert await loose(rows) == [operation.prefix]


async def test_an_operation_that_was_paid_for_is_not_open_again(
    pool: Pool, rows: OperationRepository
) -> None:
    """F32: the answer to a submit comes after the operation has been found, stopped and booked."""
    stalled = await claimed(pool)
    operation = await an_operation(pool, stalled)
    await close(pool, operation, Outcome.CANCELLED, PAID)
    await claimed(pool, stalled)
    assert not await rows.started(stalled, operation, "operations/1")
    assert await loose(rows) == []
    await close(pool, operation, Outcome.CANCELLED, PAID)
    assert await booked(pool) == [(1, 2_000, 534, False)]


async def test_many_that_cannot_be_stopped_do_not_hide_a_newer_one(
    pool: Pool, rows: OperationRepository, jobs: JobRepository
) -> None:
    """F12: a hundred are looked at in a turn; those of the last turn come after all others."""
    await pool.execute(_MANY, 150, None)
    newest = await claimed(pool)
    await an_operation(pool, newest)
    await jobs.cancel(newest.id, newest.tenant_id, CancelledByUserError())
    first, second, third = [await loose(rows) for _ in range(3)]
    assert [len(first), len(second), len(third)] == [100, 100, 100]
    assert len({*first, *second}) == 151
    assert (await loose(rows, newest))[0] in second


async def test_many_that_cannot_be_deleted_do_not_hide_a_newer_one(
    pool: Pool, rows: OperationRepository
) -> None:
    await pool.execute(_MANY, 150, "failed")
    seen = [
        {operation.prefix for operation in await rows.leftovers(["scripted"], older_than_s=0)}
        for _ in range(2)
    ]
    assert len(seen[0] | seen[1]) == 150


async def test_what_an_engine_billed_this_month_is_known(pool: Pool, rows: OperationRepository) -> None:
    """F32: its price depends on it; neither another engine's minutes count, nor last month's."""
    this, other, old = [await claimed(pool) for _ in range(3)]
    for run in (this, other, old):
        await close(pool, await an_operation(pool, run), Outcome.SUCCEEDED, PAID)
    await pool.execute("UPDATE usage SET engine = 'google' WHERE job_id <> $1", other.id)
    await pool.execute(
        "UPDATE usage SET created_at = date_trunc('month', now()) - interval '1 second' WHERE job_id = $1",
        old.id,
    )
    assert await rows.billed_this_month("google") == PAID.billed_ms


# What was staged -------------------------------------------------------------------------------------------


async def abandoned(pool: Pool, *, older_than_s: float = 0) -> list[tuple[str, int]]:
    found = await StagingRepository(pool).abandoned(["scripted"], older_than_s=older_than_s)
    return sorted((str(each.job_id), each.attempt) for each in found)


async def test_what_is_staged_is_written_down_until_it_is_meant(
    pool: Pool, rows: OperationRepository
) -> None:
    """A worker that dies in between leaves its audio with the engine: the next attempt stages its own."""
    run, staging = await claimed(pool), StagingRepository(pool)
    assert await staging.begin(run)
    assert await abandoned(pool) == [], "it is being staged"
    again = await claimed(pool, run)
    assert not await staging.begin(run), "it was overtaken"
    assert await abandoned(pool) == [(str(run.id), 1)]
    assert await abandoned(pool, older_than_s=60) == [], "who was overtaken may be about to delete it"
    assert await staging.begin(again)
    await an_operation(pool, again)
    await pool.execute("DELETE FROM session")
    assert await abandoned(pool) == [(str(run.id), 1)], (
        "what was meant is an operation, whose files are known"
    )
    await staging.end(run.id, 1)
    assert await abandoned(pool) == []


async def test_what_was_staged_for_a_session_that_is_gone_is_known(pool: Pool) -> None:
    """F13."""
    run, staging = await claimed(pool), StagingRepository(pool)
    await staging.begin(run)
    await pool.execute("DELETE FROM session")
    assert await abandoned(pool) == [(str(run.id), 1)]
    assert await staging.abandoned(["google"], older_than_s=0) == []
