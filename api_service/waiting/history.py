"""How long finished jobs took, and from that, when a running one should end (F16)."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.database import Pool
from shared.lifecycle import JobStatus
from shared.records import JobRecord
from shared.schemas.jobs import Eta

_MAX_AGE_S: Final = 60.0
_ENOUGH: Final = 3  # runs from which a share can be told

# A run costs a fixed part (start, upload, save) and one that grows with the recording. Taking the ratio of time to
# length overrates short recordings for long ones and the other way round, so runs count for their own kind only:
# `bucket` is the binary order of magnitude of the length.
_PACE: Final = """
SELECT engine, bucket, count(*) AS runs,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio) AS p50,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY ratio) AS p90
FROM (
    SELECT j.engine, floor(log(2.0, s.duration_ms))::int AS bucket,
           extract(epoch FROM j.finished_at - j.started_at)::float8 * 1000 / s.duration_ms AS ratio
    FROM (SELECT * FROM job ORDER BY id DESC LIMIT 1000) j JOIN session s ON s.id = j.session_id
    WHERE j.status = 'succeeded' AND j.failures = 0 AND s.duration_ms > 0
) runs GROUP BY engine, bucket
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds of work for a millisecond of recording: in half of the runs, and in nine of ten, at most."""

    p50: float
    p90: float


class History:
    """What the newest thousand jobs tell, read once a minute at most."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._read_at = -_MAX_AGE_S
        self._paces: Mapping[tuple[str, int], Pace] = {}
        self._reading = asyncio.Lock()

    async def eta(self, job: JobRecord) -> Eta | None:
        """When the job should end; None where it does not run, its length is unknown, or nothing is like it."""
        if job.status is not JobStatus.RUNNING or not job.duration_ms or job.started_at is None:
            return None
        pace = (await self._current()).get((job.engine, bucket(job.duration_ms)))
        return None if pace is None else expected(job, pace, datetime.now(UTC))

    async def _current(self) -> Mapping[tuple[str, int], Pace]:
        async with self._reading:
            if time.monotonic() - self._read_at >= _MAX_AGE_S:
                rows = await self._pool.fetch(_PACE)
                self._paces = {
                    (row["engine"], row["bucket"]): Pace(row["p50"], row["p90"])
                    for row in rows
                    if row["runs"] >= _ENOUGH
                }
                self._read_at = time.monotonic()
        return self._paces


def bucket(duration_ms: int) -> int:
    """The kind of length: recordings of one kind are at most twice as long as each other."""
    return duration_ms.bit_length() - 1


def expected(job: JobRecord, pace: Pace, now: datetime) -> Eta | None:
    """The ends that the pace foretells, in whole seconds; one that has passed already is `now`."""
    if job.started_at is None or not job.duration_ms:
        return None

    def end(ratio: float) -> datetime:
        moment = (
            job.started_at + timedelta(milliseconds=ratio * (job.duration_ms or 0)) if job.started_at else now
        )
        return max(moment, now).replace(microsecond=0) + timedelta(seconds=1)

    return Eta(p50=end(pace.p50), p90=end(pace.p90))
