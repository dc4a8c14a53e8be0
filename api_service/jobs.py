"""The use cases of jobs: look, list, cancel, retry."""

from collections.abc import Sequence
from uuid import UUID

from api_service.access.callers import Caller
from api_service.bell import Bell
from api_service.intake.drafts import draft_job, order_of
from shared.database import Pool
from shared.errors import CancelledByUserError, ConflictError, ObjectMissingError
from shared.jobs.repository import JobRepository
from shared.lifecycle import RETRYABLE, JobStatus
from shared.ports import ObjectStore
from shared.records import JobRecord
from shared.sessions import SessionRepository


class Jobs:
    """What a caller can do with jobs."""

    def __init__(self, *, pool: Pool, store: ObjectStore, bell: Bell) -> None:
        self._jobs = JobRepository(pool)
        self._sessions = SessionRepository(pool)
        self._store = store
        self._bell = bell

    async def get(self, caller: Caller, job_id: UUID) -> JobRecord:
        """One job; NotFoundError."""
        return await self._jobs.get(job_id, caller.tenant_id)

    async def page(
        self,
        caller: Caller,
        *,
        limit: int,
        before: UUID | None,
        statuses: Sequence[JobStatus],
        session_id: UUID | None,
    ) -> list[JobRecord]:
        """A page of jobs, newest first; no statuses mean all."""
        return await self._jobs.page(
            caller.tenant_id,
            limit=limit,
            before=before,
            statuses=tuple(statuses) or tuple(JobStatus),
            session_id=session_id,
        )

    async def cancel(self, caller: Caller, job_id: UUID) -> JobRecord:
        """Cancel the job (F12); again is no error. ConflictError where it had succeeded or failed."""
        cancelled = await self._jobs.cancel(job_id, caller.tenant_id, CancelledByUserError())
        job = cancelled or await self._jobs.get(job_id, caller.tenant_id)
        if job.status is not JobStatus.CANCELLED:
            raise ConflictError(f"The job has {job.status} already: there is nothing to cancel.")
        self._bell.place_freed()
        return job

    async def retry(self, caller: Caller, job_id: UUID) -> JobRecord:
        """Queue a new job with the same order; ConflictError unless this one failed or was cancelled."""
        job = await self._jobs.get(job_id, caller.tenant_id)
        if job.status not in RETRYABLE:
            raise ConflictError(
                f"Only a failed or cancelled job can be retried; this one is {job.status}. To transcribe the session "
                f"anew, POST /v1/sessions/{job.session_id}/jobs."
            )
        session = await self._sessions.get(job.session_id, caller.tenant_id)
        if session.audio_source is None and await self._store.size(session.audio_key) is None:
            raise ObjectMissingError
        again = draft_job(caller, job.session_id, retry_of=job.id, **order_of(job))
        await self._jobs.add(again)
        await self._bell.ring(again)
        return await self._jobs.get(again.id, caller.tenant_id)
