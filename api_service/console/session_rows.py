"""Sessions as a list shows them: each with its newest job."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from api_service.access.callers import Caller
from api_service.services import Services
from shared.jobs.repository import JobRepository
from shared.records import SessionRecord
from shared.schemas.jobs import JobResource
from shared.schemas.sessions import SessionResource


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session and its newest job."""

    session: SessionResource
    job: JobResource | None


async def rows_of(services: Services, caller: Caller, sessions: Sequence[SessionRecord]) -> list[SessionRow]:
    """The rows of sessions, by one query for all their jobs."""
    ids = [each.transcription_job_id for each in sessions if each.transcription_job_id is not None]
    jobs = {job.id: job for job in await jobs_of(services, caller, ids)}
    return [
        SessionRow(
            SessionResource.of(each),
            jobs.get(each.transcription_job_id) if each.transcription_job_id else None,
        )
        for each in sessions
    ]


async def jobs_of(services: Services, caller: Caller, ids: Sequence[UUID]) -> list[JobResource]:
    """Those of the jobs that are the caller's, in no order."""
    records = await JobRepository(services.pool).many(ids)
    return await services.views.many(each for each in records if each.tenant_id == caller.tenant_id)
