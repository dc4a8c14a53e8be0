"""Pieces in Postgres: meant together, pointed to one by one, booked in one row."""

from collections.abc import AsyncIterator

import pytest

from shared.database import Pool, open_pool, transaction
from shared.errors import BudgetExceededError, CancelledByUserError
from shared.jobs.operations import Cost, Operation, OperationRepository
from shared.jobs.pieces import Intent, Piece, PieceRepository
from shared.jobs.repository import JobRepository
from shared.lifecycle import Outcome
from shared.money.budgets import Budgets
from shared.records import JobRecord
from shared.transcript import Notice
from tests.fixtures.rows import stored_job

CUTS = (Piece(0, 0, 60_000), Piece(1, 50_000, 120_000), Piece(2, 110_000, 150_000))
NOTED = Notice("a", "b")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url, size=4, name="test") as pool:
        yield pool


@pytest.fixture
def pieces(pool: Pool) -> PieceRepository:
    return PieceRepository(pool)


@pytest.fixture
def rows(pool: Pool) -> OperationRepository:
    return OperationRepository(pool)


async def claimed(pool: Pool, job: JobRecord | None = None) -> JobRecord:
    job = job or await stored_job(pool)
    run = await JobRepository(pool).claim(job.id, "w")
    assert run is not None
    return run


async def meant(
    pieces: PieceRepository, run: JobRecord, cuts: tuple[Piece, ...] = CUTS
) -> tuple[Piece, ...] | None:
    intents = [
        Intent(piece, f"results/{run.id}/{run.attempt}/{piece.n}/", Cost(piece.end_ms - piece.start_ms, 100))
        for piece in cuts
    ]
    return await pieces.intend(run, intents, model="m", notices=[NOTED])


def operations(found: tuple[Piece, ...] | None) -> list[Operation]:
    assert found is not None
    return [piece.operation for piece in found if piece.operation is not None]


async def test_pieces_come_back_as_they_were_meant(pool: Pool, pieces: PieceRepository) -> None:
    """F6: whatever attempt comes next knows where it was cut, and what was meant."""
    run = await claimed(pool)
    assert await pieces.of(run.id) == ()
    written = await meant(pieces, run)
    assert await pieces.of(run.id) == written
    assert [(o.audio_ms, o.attempt, o.notices, o.name) for o in operations(written)] == [
        (60_000, 1, (NOTED,), None), (70_000, 1, (NOTED,), None), (40_000, 1, (NOTED,), None),
    ]  # fmt: skip


async def test_an_overtaken_run_cannot_mean_to_start_a_piece(pool: Pool, pieces: PieceRepository) -> None:
    """F5, F6."""
    old = await claimed(pool)
    newer = await claimed(pool, old)
    assert await meant(pieces, old) is None
    assert await pieces.of(old.id) == ()
    assert await meant(pieces, newer) is not None


async def test_what_an_overtaken_run_forgets_is_not_forgotten(
    pool: Pool, pieces: PieceRepository, rows: OperationRepository
) -> None:
    """F5: nor does it take the pointer away from the run that follows the piece now."""
    old = await claimed(pool)
    written = await meant(pieces, old)
    await claimed(pool, old)
    async with transaction(pool) as connection:
        assert not await rows.forget(connection, old, operations(written)[1], Outcome.FAILED, Cost(1, 1))
    assert not await rows.started(old, operations(written)[1], "operations/1"), "but its name is kept"
    assert operations(await pieces.of(old.id))[1].name == "operations/1"
    assert await rows.loose(["scripted"]) == []


async def test_one_that_failed_is_meant_again_and_the_cuts_stay(
    pool: Pool, pieces: PieceRepository, rows: OperationRepository
) -> None:
    run = await claimed(pool)
    first = operations(await meant(pieces, run))
    async with transaction(pool) as connection:
        assert await rows.forget(connection, run, first[1], Outcome.FAILED, Cost(5, 5, estimated=True))
    again = await claimed(pool, run)
    left = [piece for piece in await pieces.of(run.id) if piece.operation is None]
    assert left == [CUTS[1]]
    assert await meant(pieces, again, (CUTS[1],)) is not None
    now = await pieces.of(run.id)
    assert [(piece.start_ms, piece.end_ms) for piece in now] == [(p.start_ms, p.end_ms) for p in CUTS]
    assert [operation.attempt for operation in operations(now)] == [1, 2, 1]
    assert await rows.loose(["scripted"]) == []


async def test_the_pieces_of_an_attempt_are_one_row_of_usage(
    pool: Pool, pieces: PieceRepository, rows: OperationRepository
) -> None:
    """F32: the sum, each once, an estimate where one of them is."""
    run = await claimed(pool)
    found = operations(await meant(pieces, run))
    costs = [Cost(60_000, 16_000), Cost(30_000, 8_000, estimated=True), Cost(40_000, 10_667)]
    for _ in range(2):
        async with transaction(pool) as connection:
            for operation, cost in zip(found, costs, strict=True):
                await rows.close(connection, operation, Outcome.SUCCEEDED, cost)
    (row,) = await pool.fetch("SELECT audio_ms, billed_ms, micro_dollars, estimated FROM usage")
    assert tuple(row) == (170_000, 130_000, 34_667, True)


async def test_a_job_that_ends_leaves_all_its_pieces_loose(
    pool: Pool, pieces: PieceRepository, rows: OperationRepository
) -> None:
    """F12, F13."""
    cancelled, deleted, running = [await claimed(pool) for _ in range(3)]
    for run in (cancelled, deleted, running):
        await meant(pieces, run)
    await JobRepository(pool).cancel(cancelled.id, cancelled.tenant_id, CancelledByUserError())
    await pool.execute("DELETE FROM session WHERE id = $1", deleted.session_id)
    loose = await rows.loose(["scripted"])
    assert {operation.job_id for operation in loose} == {cancelled.id, deleted.id}
    assert len(loose) == 2 * len(CUTS)


async def test_a_budget_is_asked_for_the_sum(pool: Pool, pieces: PieceRepository) -> None:
    run = await claimed(pool)
    await Budgets(pool).set(run.tenant_id, 299)
    with pytest.raises(BudgetExceededError):
        await meant(pieces, run)
    assert await pieces.of(run.id) == ()
    await Budgets(pool).set(run.tenant_id, 300)
    assert await meant(pieces, run) is not None
