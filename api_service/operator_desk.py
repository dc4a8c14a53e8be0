"""The use cases of operators: look at workers, queue and jobs of all tenants; pause, drain, requeue, cancel."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from api_service.access.callers import Caller
from api_service.bell import Bell
from api_service.intake.drafts import draft_job, order_of
from api_service.waiting.job_views import JobViews
from shared.database import Pool
from shared.errors import CancelledByUserError, ConflictError, InvalidRequestError, NotFoundError
from shared.jobs.repository import JobRepository
from shared.lifecycle import ACTIVE, RETRYABLE, JobStatus
from shared.observation.logs import get_logger
from shared.operating.operators import JobFilter, JobSort, OperatorJob, Operators
from shared.operating.scaling import ScalingSignal
from shared.operating.trends import GRIDS, Trends
from shared.periods import Span
from shared.records import JobRecord
from shared.schemas.operators import (
    AttemptCost,
    EngineScaling,
    Event,
    JobSelection,
    Line,
    OperationResource,
    OperatorJobDetail,
    OperatorJobResource,
    Outcome,
    Past,
    QueueResource,
    ScalingResource,
    TrendsResource,
    WorkerResource,
)

log = get_logger(__name__)

_PAST_S: Final = (300, 3_600, 86_400)


class OperatorDesk:
    """What an operator can see and do; every order is logged with who gave it."""

    def __init__(self, *, pool: Pool, bell: Bell, views: JobViews, tenant_limit: int | None = None) -> None:
        self._operators = Operators(pool)
        self._signal = ScalingSignal(pool, tenant_limit=tenant_limit)
        self._trends = Trends(pool)
        self._jobs = JobRepository(pool)
        self._bell = bell
        self._views = views

    async def workers(self) -> list[WorkerResource]:
        """The workers seen in the last day."""
        return [WorkerResource.model_validate(dict(row.items())) for row in await self._operators.workers()]

    async def queue(self) -> QueueResource:
        """The queue now, its lines, and the past five minutes, hour and day."""
        row = dict((await self._operators.queue()).items())
        lines = {
            f"by_{by.removesuffix('_id')}": [
                Line.model_validate(dict(line.items())) for line in await self._operators.lines(by)
            ]
            for by in ("priority", "tenant_id", "engine")
        }
        past = [
            Past.model_validate({"seconds": seconds, **dict((await self._operators.past(seconds)).items())})
            for seconds in _PAST_S
        ]
        served = await self._operators.served()
        unserved = [line.name for line in lines["by_engine"] if line.waiting and line.name not in served]
        paused = row["paused_at"] is not None
        return QueueResource.model_validate(
            {**row, **lines, "unserved_engines": unserved, "paused": paused, "past": past}
        )

    async def scaling(self) -> ScalingResource:
        """How many places there are and how many would be used, in all and by engine."""
        whole, engines = await self._signal.read()
        parts = {name: EngineScaling.model_validate(dict(row.items())) for name, row in engines.items()}
        return ScalingResource.model_validate({**dict(whole.items()), "engines": parts})

    async def trends(self, span: Span) -> TrendsResource:
        """How the work went over a span of the past."""
        rows = await self._trends.rows(span)
        columns = {
            name: [row[name] for row in rows]
            for name in TrendsResource.model_fields
            if name != "step_seconds"
        }
        return TrendsResource(step_seconds=int(GRIDS[span].step.total_seconds()), **columns)

    async def jobs(self, wanted: JobFilter, *, limit: int, before: UUID | None) -> list[OperatorJobResource]:
        """A page of jobs, newest first."""
        found = await self._operators.jobs(wanted, limit=limit, before=before)
        return [OperatorJobResource(**await self._members(job)) for job in found]

    async def first_jobs(self, wanted: JobFilter, sort: JobSort, *, limit: int) -> list[OperatorJobResource]:
        """The first jobs in an order of their own."""
        found = await self._operators.first_jobs(wanted, sort, limit=limit)
        return [OperatorJobResource(**await self._members(job)) for job in found]

    async def failures(self, wanted: JobFilter) -> dict[str, int]:
        """How many of the failed jobs that match failed with which code, the most frequent first; of any code."""
        found = await self._operators.codes(replace(wanted, statuses=[JobStatus.FAILED], error_code=None))
        return {row["code"]: row["jobs"] for row in found}

    async def serves(self, engine: str) -> bool:
        """Whether some living worker takes jobs for the engine."""
        return engine in await self._operators.served()

    async def job(self, job_id: UUID) -> OperatorJobDetail:
        """One job with its events, what its engines were asked to do, and what each attempt cost; NotFoundError."""
        job, events = await self._operators.job(job_id)
        operations = await self._operators.operations(job_id)
        costs = await self._operators.costs(job_id)
        return OperatorJobDetail(
            **await self._members(job),
            events=[Event.model_validate(dict(row.items())) for row in events],
            operations=[OperationResource.model_validate(dict(row.items())) for row in operations],
            costs=[AttemptCost.model_validate(dict(row.items())) for row in costs],
        )

    async def pause(self, caller: Caller, reason: str) -> None:
        """Let nothing more into the queue."""
        await self._operators.pause(reason)
        log.warning("queue paused", request_id=caller.request_id, tenant=caller.tenant_id, reason=reason)

    async def resume(self, caller: Caller) -> None:
        """Let jobs in again."""
        await self._operators.resume()
        self._bell.place_freed()
        log.warning("queue resumed", request_id=caller.request_id, tenant=caller.tenant_id)

    async def drain(self, caller: Caller, worker_id: str) -> None:
        """Ask a worker to end what it runs and stop; NotFoundError."""
        await self._operators.drain(worker_id)
        log.warning(
            "drain asked for", request_id=caller.request_id, tenant=caller.tenant_id, worker=worker_id
        )

    async def requeue(self, caller: Caller, selection: JobSelection) -> Outcome:
        """Run failed or cancelled jobs again, each as a new job of its own tenant."""

        async def again(job: JobRecord) -> UUID:
            if job.status not in RETRYABLE:
                raise ConflictError(f"The job is {job.status}: only failed and cancelled ones are requeued.")
            owner = replace(caller, tenant_id=job.tenant_id)
            new = draft_job(owner, job.session_id, retry_of=job.id, **order_of(job))
            await self._jobs.add(new)
            return new.id

        outcome = await self._each(selection, (JobStatus.FAILED,), again)
        self._bell.place_freed()
        log.warning("jobs requeued", request_id=caller.request_id, jobs=len(outcome.done))
        return outcome

    async def cancel(self, caller: Caller, selection: JobSelection) -> Outcome:
        """Cancel active jobs, waiting or running; the recordings are kept."""

        async def stop(job: JobRecord) -> UUID:
            reason = CancelledByUserError(
                "The job was cancelled by an operator. The recording is kept; retry it."
            )
            if await self._jobs.cancel(job.id, job.tenant_id, reason) is None:
                raise ConflictError(f"The job has {job.status} already: there is nothing to cancel.")
            return job.id

        outcome = await self._each(selection, tuple(s for s in JobStatus if s in ACTIVE), stop)
        self._bell.place_freed()
        log.warning("jobs cancelled", request_id=caller.request_id, jobs=len(outcome.done))
        return outcome

    async def _each(
        self,
        selection: JobSelection,
        usual: tuple[JobStatus, ...],
        act: Callable[[JobRecord], Awaitable[UUID]],
    ) -> Outcome:
        """Act on every selected job; one that cannot be acted on stops none of the others."""
        done: list[UUID] = []
        left: dict[UUID, str] = {}
        for job in await self._selected(selection, usual, left):
            try:
                done.append(await act(job))
            except (ConflictError, NotFoundError) as error:
                left[job.id] = error.detail
        return Outcome(done=done, left=left)

    async def _selected(
        self, selection: JobSelection, usual: tuple[JobStatus, ...], left: dict[UUID, str]
    ) -> list[JobRecord]:
        if selection.ids:
            found = {job.id: job for job in await self._jobs.many(selection.ids)}
            left.update({each: "There is no such job." for each in selection.ids if each not in found})
            return list(found.values())
        if not selection.model_fields_set - {"limit", "ids"}:
            raise InvalidRequestError(
                "The selection names no jobs: give ids, or a status, tenant_id, engine, error_code or created_after. "
                "Nothing was done."
            )
        wanted = JobFilter(
            statuses=selection.status or usual,
            tenant_id=selection.tenant_id,
            engine=selection.engine,
            error_code=selection.error_code,
            created_after=selection.created_after,
        )
        return [job.record for job in await self._operators.jobs(wanted, limit=selection.limit)]

    async def _members(self, job: OperatorJob) -> dict[str, Any]:
        record = job.record
        return {
            "tenant_id": record.tenant_id,
            "title": job.title,
            "worker": record.worker,
            "operation_name": record.operation_name,
            "request_id": record.request_id,
            "traceparent": record.traceparent,
            "trace_id": record.trace_id,
            "micro_dollars": job.micro_dollars,
            "job": await self._views.one(record),
        }
