"""Sessions and jobs that are not stored yet."""

from datetime import UTC, datetime
from typing import Final, TypedDict, Unpack
from uuid import UUID

from api_service.access.callers import Caller
from shared.lifecycle import JobStatus, Priority, Processing
from shared.records import JobRecord

_UNTITLED: Final = "Untitled recording"
_MAX_TITLE: Final = 200


class Order(TypedDict):
    """What a job is asked to do."""

    engine: str
    model: str | None
    language: str | None
    speakers: int
    diarization: bool
    phrases: list[str]
    priority: Priority
    processing: Processing
    fallback_engine: str | None


def draft_job(
    caller: Caller, session_id: UUID, *, retry_of: UUID | None = None, **order: Unpack[Order]
) -> JobRecord:
    """A queued job with the traces of the request that asks for it; the database sets its times."""
    now = datetime.now(UTC)
    return JobRecord(
        id=caller.id_for(f"job of {retry_of or session_id}"),
        session_id=session_id,
        tenant_id=caller.tenant_id,
        status=JobStatus.QUEUED,
        attempt=0,
        failures=0,
        progress=0,
        warnings=[],
        error=None,
        worker=None,
        operation_prefix=None,
        operation_name=None,
        request_id=caller.request_id,
        traceparent=caller.traceparent,
        retry_of=retry_of,
        next_attempt_at=None,
        created_at=now,
        queued_at=now,
        started_at=None,
        finished_at=None,
        updated_at=now,
        **order,
    )


def order_of(job: JobRecord) -> Order:
    """What a job was asked to do; of one that has changed its engine, what it was before."""
    first = job.fell_back or {"engine": job.engine, "model": job.model}
    return Order(
        engine=first["engine"],
        model=first["model"],
        language=job.language,
        speakers=job.speakers,
        diarization=job.diarization,
        phrases=job.phrases,
        priority=job.priority,
        processing=job.processing,
        fallback_engine=job.fallback_engine,
    )


def title_of(filename: str | None) -> str:
    """A title from the file's name: without folders, which some browsers send, and without its extension."""
    name = (filename or "").replace("\\", "/").rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    return stem.strip()[:_MAX_TITLE] or _UNTITLED
