"""The repository of operations: whatever may cost money, from the intent to start it to what it came to.

An operation is written down before it is started and closed once, with its cost. One that is open although no
active job points to it is a loose end: a worker stops it and books what it cost (`worker_service.upkeep.loose_ends`).
Rows have no foreign keys: an operation has to be stopped and paid for when its session is gone, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import UUID

from shared.database import Connection, Pool, transaction
from shared.lifecycle import ACTIVE, Outcome
from shared.money.budgets import hold
from shared.records import JobRecord, Row
from shared.transcript import Notice


@dataclass(frozen=True, slots=True)
class Cost:
    """Billed milliseconds (all channels together) and micro-dollars; `estimated` where no bill was seen."""

    billed_ms: int = 0
    micro_dollars: int = 0
    estimated: bool = False


FREE: Final = Cost()


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of `operation`; `prefix` names its outputs in the engine's store and is unique for good."""

    prefix: str
    job_id: UUID
    attempt: int  # that meant to start it; a later one may follow it
    session_id: UUID
    tenant_id: str
    engine: str
    model: str
    audio_ms: int
    notices: tuple[Notice, ...] = ()  # what was noticed before it was started
    name: str | None = None  # the engine's, once it is known to run

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The operation of a whole row."""
        return cls(
            prefix=row["prefix"],
            job_id=row["job_id"],
            attempt=row["attempt"],
            session_id=row["session_id"],
            tenant_id=row["tenant_id"],
            engine=row["engine"],
            model=row["model"],
            audio_ms=row["audio_ms"],
            notices=tuple(Notice(notice["code"], notice["detail"]) for notice in row["notices"]),
            name=row["name"],
        )


_RUNNING: Final = "id = $1 AND attempt = $2 AND status = 'running'"
_INTEND: Final = f"""
WITH ours AS (
    UPDATE job SET operation_prefix = $3, operation_name = NULL, updated_at = now() WHERE {_RUNNING} RETURNING *
), staged AS (
    DELETE FROM staging s USING ours WHERE s.job_id = ours.id AND s.attempt = ours.attempt
)
INSERT INTO operation (prefix, job_id, attempt, session_id, tenant_id, engine, model, audio_ms, notices,
    expected_micro_dollars)
SELECT $3, id, attempt, session_id, tenant_id, engine, $4, $5, $6, $7 FROM ours RETURNING *
"""  # noqa: S608  (the parts are constants)
# The name is kept whoever the job belongs to by now: it is what the operation is stopped by.
_STARTED: Final = f"""
WITH named AS (
    UPDATE operation SET name = $4, closed_at = NULL, outcome = NULL, discarded_at = NULL, billed_ms = NULL,
        micro_dollars = NULL, estimated = NULL
    WHERE prefix = $3 AND (closed_at IS NULL OR outcome = 'missing')
)
UPDATE job SET operation_name = CASE operation_prefix WHEN $3 THEN $4 ELSE operation_name END, updated_at = now()
WHERE {_RUNNING} AND (operation_prefix = $3
    OR EXISTS (SELECT FROM job_piece p WHERE p.job_id = $1 AND p.operation_prefix = $3)) RETURNING 1
"""  # noqa: S608
# The job is locked first, so that a run that is overtaken just now takes nothing from the one that overtakes it.
_FORGET: Final = f"""
WITH ours AS (
    SELECT id FROM job WHERE {_RUNNING} FOR NO KEY UPDATE
), piece AS (
    UPDATE job_piece p SET operation_prefix = NULL FROM ours WHERE p.job_id = ours.id AND p.operation_prefix = $3
    RETURNING 1
), whole AS (
    UPDATE job j SET operation_prefix = NULL, operation_name = NULL, updated_at = now()
    FROM ours WHERE j.id = ours.id AND j.operation_prefix = $3 RETURNING 1
)
SELECT * FROM piece UNION ALL SELECT * FROM whole
"""  # noqa: S608
# An attempt has one row for all that it started: pieces add to it, and each operation is closed once (F32).
_CLOSE: Final = """
WITH closed AS (
    UPDATE operation SET closed_at = now(), outcome = $2::text, billed_ms = $3::bigint, micro_dollars = $4::bigint,
        estimated = $5::boolean
    WHERE prefix = $1 AND closed_at IS NULL RETURNING *
)
INSERT INTO usage (job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms, micro_dollars,
    estimated)
SELECT job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms, micro_dollars, estimated FROM closed
WHERE outcome = 'succeeded' OR billed_ms > 0
ON CONFLICT (job_id, attempt) DO UPDATE SET audio_ms = usage.audio_ms + excluded.audio_ms,
    billed_ms = usage.billed_ms + excluded.billed_ms, micro_dollars = usage.micro_dollars + excluded.micro_dollars,
    estimated = usage.estimated OR excluded.estimated
"""
# What could not be stopped is looked at again after all others: many of that kind must not hide newer ones.
_LOOSE: Final = """
WITH tried AS (
    UPDATE operation SET tried_at = now() WHERE prefix IN (
        SELECT o.prefix FROM operation o
        WHERE o.closed_at IS NULL AND o.engine = ANY($1) AND ($2::uuid IS NULL OR o.job_id = $2)
            AND NOT EXISTS (
                SELECT 1 FROM job j LEFT JOIN job_piece p ON p.job_id = j.id AND p.operation_prefix = o.prefix
                WHERE j.id = o.job_id AND j.status = ANY($3) AND (j.operation_prefix = o.prefix OR p.n IS NOT NULL))
        ORDER BY o.tried_at NULLS FIRST, o.created_at LIMIT 100)
    RETURNING *
)
SELECT * FROM tried ORDER BY created_at
"""
# The run that closes an operation discards what it left; this is for the run that died in between.
_LEFTOVERS: Final = """
UPDATE operation SET tried_at = now() WHERE prefix IN (
    SELECT prefix FROM operation
    WHERE closed_at < now() - $2 * interval '1 second' AND discarded_at IS NULL AND engine = ANY($1)
    ORDER BY tried_at NULLS FIRST, closed_at LIMIT 100)
RETURNING *
"""


class OperationRepository:
    """Operations in Postgres. Methods that take a connection run inside the caller's transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, prefix: str) -> Operation | None:
        """The operation with this prefix."""
        row = await self._pool.fetchrow("SELECT * FROM operation WHERE prefix = $1", prefix)
        return None if row is None else Operation.from_row(row)

    async def intend(
        self,
        job: JobRecord,
        prefix: str,
        *,
        model: str,
        audio_ms: int,
        notices: Sequence[Notice],
        expected: Cost,
    ) -> Operation | None:
        """Commit that an operation is about to be started: what finds it after a crash (F6).

        None where the attempt does not own the job any more. Raises BudgetExceededError: this is the last moment at
        which nothing is spent, with the expected cost known.
        """
        async with transaction(self._pool) as connection:
            await hold(connection, job.tenant_id, expected.micro_dollars)
            row = await connection.fetchrow(
                _INTEND,
                job.id,
                job.attempt,
                prefix,
                model,
                audio_ms,
                as_json(notices),
                expected.micro_dollars,
            )
        return None if row is None else Operation.from_row(row)

    async def started(self, job: JobRecord, operation: Operation, name: str) -> bool:
        """Commit the name of the operation that runs; returns whether it is this attempt's to follow."""
        row = await self._pool.fetchrow(_STARTED, job.id, job.attempt, operation.prefix, name)
        return row is not None

    async def forget(
        self, connection: Connection, job: JobRecord, operation: Operation, outcome: Outcome, cost: Cost
    ) -> bool:
        """Close an operation that gives nothing, so that a later attempt starts another; fenced."""
        row = await connection.fetchrow(_FORGET, job.id, job.attempt, operation.prefix)
        if row is not None:
            await self.close(connection, operation, outcome, cost)
        return row is not None

    async def close(self, connection: Connection, operation: Operation, outcome: Outcome, cost: Cost) -> None:
        """Close an operation and book its cost; one that is closed already stays as it is (F32)."""
        await connection.execute(
            _CLOSE, operation.prefix, outcome, cost.billed_ms, cost.micro_dollars, cost.estimated
        )

    async def billed_this_month(self, engine: str) -> int:
        """Milliseconds that an engine billed since the month began (UTC): what its price may depend on."""
        value = await self._pool.fetchval(
            "SELECT coalesce(sum(billed_ms), 0)::bigint FROM usage"
            " WHERE engine = $1 AND created_at >= date_trunc('month', now())",
            engine,
        )
        return int(value)

    async def loose(self, engines: Sequence[str], job_id: UUID | None = None) -> list[Operation]:
        """Open operations of these engines that no active job points to, perhaps of one job only.

        Some of them: those first that were not looked at yet, or the longest time ago. The oldest comes first.
        """
        rows = await self._pool.fetch(_LOOSE, list(engines), job_id, [str(status) for status in ACTIVE])
        return [Operation.from_row(row) for row in rows]

    async def leftovers(self, engines: Sequence[str], *, older_than_s: float) -> list[Operation]:
        """Closed operations of these engines that may, some time after, still have files in the engine's store.

        Some of them, as `loose`.
        """
        rows = await self._pool.fetch(_LEFTOVERS, list(engines), older_than_s)
        return [Operation.from_row(row) for row in rows]

    async def discarded(self, operations: Sequence[Operation]) -> None:
        """Note that nothing of these is in the engine's store any more."""
        await self._pool.execute(
            "UPDATE operation SET discarded_at = now() WHERE prefix = ANY($1) AND closed_at IS NOT NULL",
            [operation.prefix for operation in operations],
        )


def as_json(notices: Sequence[Notice]) -> list[dict[str, Any]]:
    """Notices as jobs and operations keep them."""
    return [{"code": notice.code, "detail": notice.detail} for notice in notices]
