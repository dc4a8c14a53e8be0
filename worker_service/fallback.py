"""The other engine: whether a job goes on with it, what is said of that, and what both have cost."""

from typing import Final

from shared.database import Pool, outlast
from shared.errors import AttemptsExhaustedError, EngineError, TranscriptsError, UnsupportedOptionError
from shared.jobs.operations import as_json
from shared.jobs.repository import JobRepository
from shared.observation.logs import get_logger
from shared.records import JobRecord
from shared.transcript import Notice, NoticeCode

log = get_logger(__name__)

_CODE: Final = NoticeCode.ENGINE_FALLBACK
# What another engine may do better: not a recording that is bad, a budget that is used up, or a store that is away.
_THE_ENGINE_S: Final = (EngineError, UnsupportedOptionError, AttemptsExhaustedError)
_SPENT: Final = """
SELECT (SELECT coalesce(sum(micro_dollars), 0)::bigint FROM usage WHERE job_id = $1 AND engine = $2) AS micro_dollars,
    EXISTS (SELECT 1 FROM operation WHERE job_id = $1 AND engine = $2 AND closed_at IS NULL) AS still_open
"""


class Fallback:
    """Gives jobs to their other engine, where the caller allowed one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._jobs = JobRepository(pool)

    async def take(self, job: JobRecord, error: TranscriptsError) -> bool:
        """Whether the job goes on with another engine now that this one has failed for good with `error`."""
        if job.spare_engine is None or not isinstance(error, _THE_ENGINE_S):
            return False
        warning = Notice(_CODE, _gave_up(job.engine, job.spare_engine, error.code, error.detail))
        taken = await outlast(lambda: self._jobs.fall_back(job, error, as_json([warning])[0]))
        if taken:
            log.warning(
                "job goes on with another engine",
                job_id=str(job.id),
                engine=job.engine,
                fallback_engine=job.spare_engine,
                code=error.code,
            )
        return taken

    async def notices(self, job: JobRecord, micro_dollars: int) -> list[Notice]:
        """What is said of it once the other engine has heard the recording, for so many micro-dollars."""
        if job.fell_back is None:
            return []
        first, error = job.fell_back["engine"], job.fell_back["error"]
        row = await self._pool.fetchrow(_SPENT, job.id, first)
        assert row is not None  # a SELECT without FROM has a row
        cost = f"{first} cost {_dollars(row['micro_dollars'])}"
        if row["still_open"]:
            cost += ", and what it still does is being stopped"
        detail = _gave_up(first, job.engine, error["code"], error["detail"])
        return [Notice(_CODE, f"{detail} {cost}; {job.engine} cost {_dollars(micro_dollars)}.")]


def _gave_up(first: str, other: str, code: str, detail: str) -> str:
    return f"The engine {first} gave up ({code}: {detail}) {other} went on from the beginning."


def _dollars(micro: int) -> str:
    return "nothing" if micro == 0 else f"${micro / 1e6:.4f}"
