"""Jobs as the HTTP API gives them: where they stand, when they should end, and why they failed."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.lifecycle import JobStatus, Phase, Priority, Processing
from shared.records import JobRecord
from shared.schemas.base import Resource
from shared.schemas.problems import problem_kind
from shared.schemas.sessions import SessionResource


class Notice(Resource):
    """Something to know although the job goes well."""

    code: str
    detail: str


class JobError(BaseModel):
    """Why a job failed, or why its last attempt did; `code` is stable."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    code: str
    detail: str
    transient: bool = False

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """The wire form of an error as a job keeps it."""
        code = str(stored.get("code", "internal"))
        return cls.model_validate({"detail": "", **stored, **problem_kind(code)})


class Eta(Resource):
    """When the job is expected to end, from how long earlier ones took: half of them, and nine in ten."""

    p50: datetime
    p90: datetime


class JobResource(Resource):
    """One transcription of a session; its last three statuses are final."""

    id: UUID
    session_id: UUID
    status: JobStatus
    phase: Phase | None
    progress: int = Field(ge=0, le=100, description="Per cent; never goes back")
    audio_ms_done: int
    audio_duration_ms: int | None = Field(description="Measured; null until the recording was read")
    message: str
    queue_position: int | None = Field(description="1 is next; null when not waiting, or beyond 1,000")
    eta: Eta | None
    attempt: int = Field(description="How often a worker has taken it")
    failures: int = Field(description="How many of those went wrong")
    warnings: list[Notice]
    error: JobError | None
    next_attempt_at: datetime | None
    engine: str
    model: str | None
    fallback_engine: str | None = None
    fell_back_from: str | None = Field(
        default=None, description="The engine that it began with; null: with this one"
    )
    language: str | None = Field(description="As asked; what was heard once it has succeeded")
    speakers: int
    diarization: bool
    priority: Priority
    processing: Processing
    micro_dollars: int | None = Field(
        default=None,
        description="What all its attempts came to; null until it has ended, or where nothing was booked",
    )
    retry_of: UUID | None
    trace_id: str | None = Field(default=None, description="Of the request that made it, where it is traced")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(
        cls,
        record: JobRecord,
        *,
        queue_position: int | None = None,
        held_up: str | None = None,
        eta: Eta | None = None,
    ) -> Self:
        """The resource of a row; `held_up` says why it cannot start now, in place of its message."""
        same = ("id", "session_id", "status", "phase", "progress", "audio_ms_done", "message", "attempt", "failures",
                "next_attempt_at", "engine", "model", "fallback_engine", "language", "speakers",
                "diarization", "priority", "processing", "micro_dollars", "retry_of", "trace_id", "created_at",
                "started_at", "finished_at")  # fmt: skip
        return cls.model_validate(
            {name: getattr(record, name) for name in same}
            | {
                "message": held_up or record.message,
                "audio_duration_ms": record.duration_ms,
                "fell_back_from": record.fell_back["engine"] if record.fell_back else None,
                "queue_position": queue_position,
                "eta": eta,
                "warnings": [Notice(code=w["code"], detail=w["detail"]) for w in record.warnings],
                "error": JobError.of(record.error) if record.error else None,
            }
        )


class Submission(Resource):
    """What was made of a recording: a session, and the job that transcribes it."""

    session: SessionResource
    job: JobResource
