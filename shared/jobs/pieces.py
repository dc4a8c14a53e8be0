"""The repository of pieces: where a job's recording was cut, and which operation hears each part of it.

The cuts are committed together with the intents to hear them, once: a later attempt starts only what is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.database import Pool, transaction
from shared.jobs.operations import Cost, Operation, as_json
from shared.money.budgets import hold
from shared.records import JobRecord
from shared.transcript import Notice


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece in milliseconds of the recording, counted from 0; `operation` is None where nothing was started."""

    n: int
    start_ms: int
    end_ms: int
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A piece that is to be heard now: the prefix of its operation, and what that will cost."""

    piece: Piece
    prefix: str
    expected: Cost


_OF: Final = """
SELECT p.n, p.start_ms, p.end_ms, o.* FROM job_piece p LEFT JOIN operation o ON o.prefix = p.operation_prefix
WHERE p.job_id = $1 ORDER BY p.n
"""
_OURS: Final = "SELECT 1 FROM job WHERE id = $1 AND attempt = $2 AND status = 'running' FOR NO KEY UPDATE"
_INTEND: Final = """
WITH meant AS (
    SELECT * FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
        AS m (n, start_ms, end_ms, prefix, expected)
), pointed AS (
    INSERT INTO job_piece (job_id, n, start_ms, end_ms, operation_prefix)
    SELECT $1, n, start_ms, end_ms, prefix FROM meant
    ON CONFLICT (job_id, n) DO UPDATE SET operation_prefix = excluded.operation_prefix
), staged AS (
    DELETE FROM staging s USING job j WHERE j.id = $1 AND s.job_id = j.id AND s.attempt = j.attempt
), noted AS (
    INSERT INTO job_event (job_id, attempt, what, detail)
    SELECT j.id, j.attempt, 'pieces_intended', jsonb_build_object('pieces', count(*),
        'audio_ms', sum(m.end_ms - m.start_ms), 'micro_dollars', sum(m.expected))
    FROM meant m JOIN job j ON j.id = $1 GROUP BY j.id
)
INSERT INTO operation (prefix, job_id, attempt, session_id, tenant_id, engine, model, audio_ms, notices,
    expected_micro_dollars)
SELECT m.prefix, j.id, j.attempt, j.session_id, j.tenant_id, j.engine, $7, m.end_ms - m.start_ms, $8, m.expected
FROM meant m JOIN job j ON j.id = $1 RETURNING *
"""


class PieceRepository:
    """Pieces in Postgres; they go with their job, and what they cost stays."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, job_id: UUID) -> tuple[Piece, ...]:
        """The pieces of a job in order, each with its operation; none where its recording is taken whole."""
        rows = await self._pool.fetch(_OF, job_id)
        return tuple(
            Piece(
                row["n"], row["start_ms"], row["end_ms"], Operation.from_row(row) if row["prefix"] else None
            )
            for row in rows
        )

    async def intend(
        self, job: JobRecord, intents: Sequence[Intent], *, model: str, notices: Sequence[Notice]
    ) -> tuple[Piece, ...] | None:
        """Commit that operations are about to be started, all or none: what finds them after a crash (F6).

        None where the attempt does not own the job any more. Raises BudgetExceededError: nothing is spent on some of
        the pieces where the budget does not allow all of them.
        """
        pieces = [intent.piece for intent in intents]
        async with transaction(self._pool) as connection:
            await hold(connection, job.tenant_id, sum(intent.expected.micro_dollars for intent in intents))
            if await connection.fetchrow(_OURS, job.id, job.attempt) is None:
                return None
            rows = await connection.fetch(
                _INTEND,
                job.id,
                [piece.n for piece in pieces],
                [piece.start_ms for piece in pieces],
                [piece.end_ms for piece in pieces],
                [intent.prefix for intent in intents],
                [intent.expected.micro_dollars for intent in intents],
                model,
                as_json(notices),
            )
        operations = {row["prefix"]: Operation.from_row(row) for row in rows}
        return tuple(
            Piece(piece.n, piece.start_ms, piece.end_ms, operations[intent.prefix])
            for piece, intent in zip(pieces, intents, strict=True)
        )
