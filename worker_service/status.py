"""Progress of all of this process's jobs, written together: two statements a tick, however many jobs run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.database import AWAY, Pool
from shared.lifecycle import Phase
from shared.observation.logs import get_logger
from shared.records import JobRecord

log = get_logger(__name__)

# Where each phase begins and ends on the one scale from 0 to 100 that the caller sees.
SCALE: Final[dict[Phase, tuple[int, int]]] = {
    Phase.PREPARING: (0, 5),
    Phase.UPLOADING: (5, 10),
    Phase.SUBMITTING: (10, 11),
    Phase.TRANSCRIBING: (11, 97),
    Phase.SAVING: (97, 99),
}

# Progress never goes back, not even when an attempt starts over (F15); a run that lost its job writes nothing. A job
# whose status changes this moment is passed over: what its run says must not stand over the words of its end.
_WRITE = """
WITH v AS (
    SELECT v.* FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::int[], $6::bigint[])
        AS v (job_id, attempt, phase, message, progress, audio_ms)
    JOIN job j ON j.id = v.job_id AND j.attempt = v.attempt AND j.status = 'running'
    FOR SHARE OF j SKIP LOCKED
), noted AS (
    INSERT INTO job_event (job_id, attempt, what)
    SELECT v.job_id, v.attempt, v.phase FROM v JOIN processing_status ps USING (job_id)
    WHERE ps.phase IS DISTINCT FROM v.phase
)
UPDATE processing_status ps SET phase = v.phase, message = v.message, updated_at = now(),
    progress = greatest(ps.progress, v.progress), audio_ms_done = greatest(ps.audio_ms_done, v.audio_ms)
FROM v WHERE ps.job_id = v.job_id
"""
_LOST = """
SELECT v.job_id FROM unnest($1::uuid[], $2::int[]) AS v (job_id, attempt)
LEFT JOIN job j ON j.id = v.job_id AND j.attempt = v.attempt AND j.status = 'running'
WHERE j.id IS NULL
"""


@dataclass(slots=True)
class _Run:
    attempt: int
    lost: Callable[[], object]
    entered: Callable[[Phase], object]
    seen: Phase | None = None  # that `entered` was last told of
    phase: Phase = Phase.PREPARING
    message: str = ""
    progress: int = 0
    audio_ms: int = 0
    dirty: bool = True


class StatusBoard:
    """What this process's runs report, and how they learn that their job is no longer theirs."""

    def __init__(self, pool: Pool, *, tick_s: float) -> None:
        self._pool = pool
        self._tick_s = tick_s
        self._runs: dict[UUID, _Run] = {}

    def track(
        self, job: JobRecord, lost: Callable[[], object], entered: Callable[[Phase], object] = lambda _: None
    ) -> None:
        """Follow a claimed job; `lost` is called when it was cancelled, deleted or claimed by another.

        `entered` is called with each phase that its run enters, in the task that reports it.
        """
        self._runs[job.id] = _Run(job.attempt, lost, entered)

    def settle(self, job: JobRecord) -> None:
        """The run ends the job now: its own fenced write tells whose the job is, and it is not told otherwise.

        Else a look in the moment after the commit would take a job that has ended for one that was lost.
        """
        run = self._runs.get(job.id)
        if run is not None and run.attempt == job.attempt:
            run.lost = lambda: None

    def forget(self, job: JobRecord) -> None:
        """Stop following a job that this run has ended."""
        run = self._runs.get(job.id)
        if run is not None and run.attempt == job.attempt:
            del self._runs[job.id]

    def report(
        self, job: JobRecord, phase: Phase, message: str, share: float = 0.0, audio_ms: int = 0
    ) -> None:
        """Note that the job is in `phase` and has done `share` (0..1) of it; written at the next tick."""
        run = self._runs.get(job.id)
        if run is None or run.attempt != job.attempt:
            return
        if run.seen is not phase:
            run.seen = phase
            run.entered(phase)
        low, high = SCALE[phase]
        run.phase, run.message = phase, message
        run.progress = max(run.progress, low + round((high - low) * min(max(share, 0.0), 1.0)))
        run.audio_ms = max(run.audio_ms, audio_ms)
        run.dirty = True

    async def run(self) -> None:
        """Write and check every tick until cancelled; a database that is away is tried again."""
        while True:
            try:
                await self.tick()
            except AWAY as error:
                log.warning("progress not written, trying again", reason=repr(error))
            await asyncio.sleep(self._tick_s)

    async def tick(self) -> None:
        """Write what changed, then tell the runs that lost their job."""
        dirty = {job_id: run for job_id, run in self._runs.items() if run.dirty}
        if dirty:
            for run in dirty.values():
                run.dirty = False
            try:
                await self._write(dirty)
            except BaseException:
                for run in dirty.values():
                    run.dirty = True
                raise
        if self._runs:
            await self._tell_the_lost()

    async def _write(self, runs: dict[UUID, _Run]) -> None:
        values = runs.values()
        await self._pool.execute(
            _WRITE,
            list(runs),
            [run.attempt for run in values],
            [run.phase.value for run in values],
            [run.message for run in values],
            [run.progress for run in values],
            [run.audio_ms for run in values],
        )

    async def _tell_the_lost(self) -> None:
        asked = {job_id: run.attempt for job_id, run in self._runs.items()}
        for row in await self._pool.fetch(_LOST, list(asked), list(asked.values())):
            job_id = row["job_id"]
            run = self._runs.get(job_id)
            if run is not None and run.attempt == asked[job_id]:
                del self._runs[job_id]
                run.lost()
