"""The repository of staging: what attempts send to an engine's store before they mean to start anything there.

Written down before the first byte is sent, and deleted by the intent, which from then on tells of the same files. A
row whose attempt has ended says what nobody will come back for: the worker died between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.database import Pool
from shared.records import JobRecord


@dataclass(frozen=True, slots=True)
class Staging:
    """An attempt that has sent something, or was about to."""

    job_id: UUID
    attempt: int
    engine: str


_BEGIN: Final = """
INSERT INTO staging (job_id, attempt, engine)
SELECT id, attempt, engine FROM job WHERE id = $1 AND attempt = $2 AND status = 'running'
ON CONFLICT (job_id, attempt) DO UPDATE SET created_at = now() RETURNING 1
"""
_ABANDONED: Final = """
UPDATE staging SET tried_at = now() WHERE (job_id, attempt) IN (
    SELECT s.job_id, s.attempt FROM staging s
    WHERE s.engine = ANY($1) AND s.created_at < now() - $2 * interval '1 second' AND NOT EXISTS (
        SELECT FROM job j WHERE j.id = s.job_id AND j.attempt = s.attempt AND j.status = 'running')
    ORDER BY s.tried_at NULLS FIRST, s.created_at LIMIT 100)
RETURNING job_id, attempt, engine
"""


class StagingRepository:
    """Rows of `staging` in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, job: JobRecord) -> bool:
        """Commit that this attempt is about to send something; False where the job is not its own any more."""
        return await self._pool.fetchrow(_BEGIN, job.id, job.attempt) is not None

    async def end(self, job_id: UUID, attempt: int) -> None:
        """Note that nothing that the attempt sent is in the engine's store any more."""
        await self._pool.execute("DELETE FROM staging WHERE job_id = $1 AND attempt = $2", job_id, attempt)

    async def abandoned(self, engines: Sequence[str], *, older_than_s: float) -> list[Staging]:
        """Some of those, with one of these engines, whose attempt has ended; those that were not tried come first."""
        rows = await self._pool.fetch(_ABANDONED, list(engines), older_than_s)
        return [Staging(row["job_id"], row["attempt"], row["engine"]) for row in rows]
