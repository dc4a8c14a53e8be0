"""The life of one attempt, top to bottom: claim, prepare, upload, submit, follow, save.

Every write is fenced by the attempt. A run that finds its job cancelled or taken over stops what it started
and says nothing; a run that the worker stops gives the job back.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from shared.database import AWAY, Pool, outlast, transaction
from shared.errors import (
    AttemptsExhaustedError,
    FencedError,
    StorageError,
    TranscriptsError,
)
from shared.jobs.operations import OperationRepository, as_json
from shared.jobs.repository import JobRepository
from shared.lifecycle import Outcome, Phase
from shared.observation import telemetry
from shared.observation.logs import get_logger
from shared.ports import ObjectStore
from shared.records import JobRecord
from shared.segments import segment
from shared.sessions import SessionRepository
from shared.transcript import Notice, Segment, Speaker
from shared.transcripts.repository import TranscriptRepository
from shared.waveforms import WaveformRepository
from worker_service import scratch
from worker_service.course import Courses, Hearing
from worker_service.engines.port import Engine, SpeechResult
from worker_service.fallback import Fallback
from worker_service.media.preparing import PreparedAudio, prepare
from worker_service.observation.attempts import Observation
from worker_service.observation.metrics import WorkerMetrics
from worker_service.queue.backoff import wait_before
from worker_service.roles import assign_roles
from worker_service.sources.opening import Sources
from worker_service.status import StatusBoard
from worker_service.upkeep.loose_ends import LooseEnds
from worker_service.voices import Voices

log = get_logger(__name__)

_AWAY = timedelta(seconds=30)  # when to look again at a job whose end could not be written


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What one worker allows its runs."""

    worker: str
    max_attempts: int
    max_audio_ms: int
    retry_base_s: float
    scratch_dir: Path | None
    media_slots: asyncio.Semaphore


class Transcriber:
    """The use case: everything that one attempt of a job does."""

    def __init__(
        self,
        *,
        pool: Pool,
        store: ObjectStore,
        engines: Mapping[str, Engine],
        status: StatusBoard,
        loose_ends: LooseEnds,
        sources: Sources,
        limits: RunLimits,
        metrics: WorkerMetrics,
        voices: Voices | None = None,
    ) -> None:
        self._pool = pool
        self._jobs = JobRepository(pool)
        self._sessions = SessionRepository(pool)
        self._transcripts = TranscriptRepository(pool)
        self._waveforms = WaveformRepository(pool)
        self._rows = OperationRepository(pool)
        self._courses = Courses(pool, status, limits.media_slots)
        self._loose_ends = loose_ends
        self._fallback = Fallback(pool)
        self._store = store
        self._sources = sources
        self._engines = engines
        self._status = status
        self._limits = limits
        self._metrics = metrics
        self._voices = voices

    async def run(self, job_id: UUID) -> timedelta | None:
        """Run one attempt; returns how long the job waits for another, or None where this worker is done with it.

        Raises CancelledError when the worker stops, after the job has been given back.
        """
        job = await self._jobs.claim(job_id, self._limits.worker, list(self._engines))
        if job is None:
            log.info(
                "nothing to do: the job has ended, is gone, is not due, or not for us", job_id=str(job_id)
            )
            return None
        with Observation(job, self._metrics) as seen:
            log.info("job claimed")
            seen.outcome, wait = await self._attempt(job, seen)
        return wait

    async def _attempt(self, job: JobRecord, seen: Observation) -> tuple[str, timedelta | None]:
        """Work until the job ends or is taken away; returns how the attempt ended, and how long the next one waits."""
        work = asyncio.ensure_future(self._work(job))
        lost = asyncio.Event()

        def give_up() -> None:
            lost.set()
            work.cancel()

        self._status.track(job, give_up, seen.entered)
        try:
            await work
        except asyncio.CancelledError:
            if not lost.is_set():
                await outlast(lambda: self._jobs.hand_over(job.id, job.attempt))
                log.info("job handed over", job_id=str(job.id), attempt=job.attempt)
                raise
            await self._abandon(job)
        except FencedError:
            await self._abandon(job)
        except TranscriptsError as error:
            return await self._end_badly(job, error)
        except AWAY as error:
            log.warning("a store is away", job_id=str(job.id), reason=repr(error))
            return await self._end_badly(job, StorageError())
        except Exception:
            log.exception("the run failed in a way that nothing foresaw", job_id=str(job.id))
            return await self._end_badly(job, TranscriptsError())
        else:
            return "succeeded", None
        finally:
            self._status.forget(job)
        return "abandoned", None

    # The steps -----------------------------------------------------------------------------------------

    async def _work(self, job: JobRecord) -> None:
        if job.failures >= self._limits.max_attempts:
            raise AttemptsExhaustedError
        engine = self._engines[job.engine]
        async with AsyncExitStack() as kept:
            audio = None
            course = await self._courses.resume(job, engine)
            if not course.complete:
                folder = await kept.enter_async_context(self._scratch())
                audio = await self._prepare(job, folder)
                course = await self._courses.start(job, engine, course, audio)
                if engine.durable:
                    await kept.aclose()  # the engine has its own copy
            heard = await self._courses.follow(job, engine, course, audio)
            if self._voices is not None:
                heard = await self._voices.named(job, heard)
            await self._save(job, heard)
        log.info("job succeeded", job_id=str(job.id), attempt=job.attempt, words=len(heard.result.words))
        await self._courses.discard(job, engine, heard)

    async def _prepare(self, job: JobRecord, folder: Path) -> PreparedAudio:
        session = await self._sessions.get(job.session_id, job.tenant_id)
        if session.audio_source is not None:
            self._status.report(job, Phase.PREPARING, "Fetching the recording")
            _ours(await self._sources.fetch(job, session))
        self._status.report(job, Phase.PREPARING, "Reading the recording")

        def progress(done_ms: int, total_ms: int | None) -> None:
            share = done_ms / total_ms if total_ms else 0.0
            self._status.report(job, Phase.PREPARING, "Reading the recording", share)

        async with self._limits.media_slots, self._store.local_file(session.audio_key) as source:
            _ours(await self._sources.hash(job, session, source))
            audio = await prepare(
                source, folder / "audio.flac", max_duration_ms=self._limits.max_audio_ms, on_progress=progress
            )
        _ours(await self._jobs.measured(job.id, job.attempt, audio.duration_ms))
        _ours(await self._waveforms.keep(job.id, job.attempt, audio.waveform))
        return audio

    async def _save(self, job: JobRecord, heard: Hearing) -> None:
        result = heard.result
        self._status.report(job, Phase.SAVING, "Saving the transcript", audio_ms=heard.audio_ms)
        # Hours of words take tenths of a second: not on the loop (F17).
        segments, speakers = await asyncio.to_thread(_laid_out, result)
        spent = sum(cost.micro_dollars for _, cost in heard.paid)
        told = await self._fallback.notices(job, spent)
        warnings = as_json(_once([*told, *heard.notices, *result.warnings]))

        async def save() -> None:
            async with transaction(self._pool) as connection:
                _ours(
                    await self._jobs.succeed(
                        connection, job, warnings=warnings, model=result.model, language=result.language
                    )
                )
                await self._transcripts.replace(connection, job.session_id, segments, speakers)
                for operation, cost in heard.paid:
                    await self._rows.close(connection, operation, Outcome.SUCCEEDED, cost)

        self._status.settle(job)
        await outlast(save)
        self._metrics.saved(job.engine, heard.audio_ms, result.cost.micro_dollars)

    # How it ends ---------------------------------------------------------------------------------------

    async def _end_badly(self, job: JobRecord, error: TranscriptsError) -> tuple[str, timedelta | None]:
        """Queue the job again after a transient error, fail it after any other; returns as `_attempt` does."""
        telemetry.annotate(**{"error.type": error.code})
        try:
            outcome, wait = await self._settle(job, error)
        except AWAY:  # still ours, so it comes round again here, as a takeover
            outcome, wait = "will_retry", _AWAY
        if wait is None:
            await self._tie_up(job)  # pieces may still be heard, for nobody
        self._metrics.went_wrong(job.engine, error.code, outcome)
        return outcome, wait

    async def _settle(self, job: JobRecord, error: TranscriptsError) -> tuple[str, timedelta | None]:
        transient = error.transient or type(error) is TranscriptsError
        if transient and job.failures + 1 < self._limits.max_attempts:
            wait = wait_before(job.failures, error, base_s=self._limits.retry_base_s)
            kept = await outlast(lambda: self._jobs.retry_later(job.id, job.attempt, error, wait))
            wait_s = round(wait.total_seconds(), 1)
            log.warning("job will be tried again", job_id=str(job.id), code=error.code, wait_s=wait_s)
            return "will_retry", wait if kept else None
        if await self._fallback.take(job, error):
            return "fell_back", None
        if transient:
            error = AttemptsExhaustedError(
                f"The job failed {job.failures + 1} times, the last time so: {error.detail} "
                "The recording is kept; retry the job when the cause is gone.",
                cause=error.code,
            )
        final = error
        await outlast(lambda: self._jobs.fail(job.id, job.attempt, final))
        log.warning("job failed", job_id=str(job.id), code=error.code, detail=error.detail)
        return "failed", None

    async def _abandon(self, job: JobRecord) -> None:
        """The job was cancelled, deleted or taken over: stop what it costs, if nobody else follows it."""
        log.info("the job is not ours any more", job_id=str(job.id), attempt=job.attempt)
        await self._tie_up(job)

    async def _tie_up(self, job: JobRecord) -> None:
        try:
            await self._loose_ends.tie_up(job.id)
        except AWAY as error:
            log.warning("what it started is stopped later", job_id=str(job.id), reason=repr(error))

    @asynccontextmanager
    async def _scratch(self) -> AsyncIterator[Path]:
        """A folder of this run's own."""
        folder = await asyncio.to_thread(scratch.make, self._limits.scratch_dir)
        try:
            yield Path(folder.name)
        finally:
            folder.cleanup()  # not in a thread: it must happen in a cancelled run too


def _laid_out(result: SpeechResult) -> tuple[tuple[Segment, ...], tuple[Speaker, ...]]:
    """The words in segments, and who speaks in which role."""
    segments = segment(result.words)
    return segments, assign_roles(segments, result.language)


def _ours(still: bool) -> None:
    """Stop where a fenced write matched no row."""
    if not still:
        raise FencedError


def _once(notices: list[Notice]) -> list[Notice]:
    """Each notice once, the first of its code."""
    return list({notice.code: notice for notice in reversed(notices)}.values())[::-1]
