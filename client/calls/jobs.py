"""Jobs: looked at, listed, cancelled, run again."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from client.calls.reading import ask, listed
from client.models import Job
from client.plans import Feed, Plan
from shared.lifecycle import JobStatus

PATH: Final = "/v1/jobs"


def get(job_id: UUID) -> Plan[Job]:
    """The job as it stands; NotFoundError."""
    return ask(Job, "GET", f"{PATH}/{job_id}")


def list_(
    *, status: Sequence[JobStatus] = (), session_id: UUID | None = None, limit: int | None = None
) -> Feed[Job]:
    """Jobs, newest first."""
    return listed(Job, PATH, limit, status=list(status), session_id=session_id)


def cancel(job_id: UUID) -> Plan[Job]:
    """Cancel a job that is queued or running; ConflictError where it has succeeded or failed already."""
    return ask(Job, "POST", f"{PATH}/{job_id}/cancel")


def retry(job_id: UUID) -> Plan[Job]:
    """Run a failed or cancelled job again, as a new job; ConflictError where it is neither."""
    return ask(Job, "POST", f"{PATH}/{job_id}/retry")
