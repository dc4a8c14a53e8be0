"""What the HTTP API gives, as pydantic models; used by the API, its OpenAPI and whoever reads its answers.

Times are RFC 3339 in UTC, lengths are integer milliseconds, ids are UUIDv7.
"""

from datetime import datetime
from typing import Any, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.containers import by_name
from shared.engines import Abilities
from shared.lifecycle import JobStatus, Phase, Priority, Processing
from shared.records import JobRecord, SessionRecord

T = TypeVar("T")


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True)


class AudioResource(_Resource):
    """The recording as it came: `filename` as it was given, the rest as it was measured.

    What is null is not known yet: the worker measures what did not pass through the API.
    """

    filename: str | None
    container: str | None
    media_type: str | None
    size: int | None = Field(description="Bytes")
    sha256: str | None


class SessionResource(_Resource):
    """A recording and what became of it; `status` is that of its newest job."""

    id: UUID
    title: str
    language: str | None = Field(description="As it was asked for; null: to be detected")
    status: JobStatus
    job_id: UUID | None = Field(description="The newest job")
    audio: AudioResource
    duration_ms: int | None = Field(description="Measured by the worker; null until then")
    metadata: dict[str, Any]
    delete_after: datetime | None
    webhook_url: str | None = None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, record: SessionRecord) -> Self:
        """The resource of a row."""
        known = by_name(record.audio_container or "")
        return cls(
            id=record.id,
            title=record.title,
            language=record.language,
            status=record.status,
            job_id=record.transcription_job_id,
            audio=AudioResource(
                filename=record.audio_filename,
                container=record.audio_container,
                media_type=known.media_type if known else None,
                size=record.audio_size,
                sha256=record.audio_sha256,
            ),
            duration_ms=record.duration_ms,
            metadata=record.metadata,
            delete_after=record.delete_after,
            webhook_url=record.webhook_url,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )


class Notice(_Resource):
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


class Eta(_Resource):
    """When the job is expected to end, from how long earlier ones took: half of them, and nine in ten."""

    p50: datetime
    p90: datetime


class JobResource(_Resource):
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
                "diarization", "priority", "processing", "retry_of", "trace_id", "created_at", "started_at",
                "finished_at")  # fmt: skip
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


class Submission(_Resource):
    """What was made of a recording: a session, and the job that transcribes it."""

    session: SessionResource
    job: JobResource


class Page(_Resource, Generic[T]):
    """A part of a list, newest first; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None = None


class ModelLimits(_Resource):
    """What one model of an engine takes; null: no limit of its own. A longer recording may be heard in pieces."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    model: str
    longest_ms: int | None = Field(description="At once")
    longest_with_word_times_ms: int | None = Field(description="At once, with a time for each word")
    diarizes: list[str] | None = Field(description="Languages in which it tells voices apart; null: any")
    max_phrases: int | None
    locations: list[str] = Field(
        description="Where it computes; empty: on the worker, or where its service does"
    )

    @field_validator("diarizes", mode="before")
    @classmethod
    def _in_order(cls, value: Any) -> Any:
        return None if value is None else sorted(value)


class EnginePrice(_Resource):
    """What a minute of audio costs, from so many minutes of the calendar month on."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    model: str | None = Field(description="null: whichever")
    processing: Processing
    from_minutes: int
    micro_dollars_per_minute: int


class EngineResource(_Resource):
    """What an engine can do."""

    name: str
    default: bool
    summary: str
    languages: list[str] = Field(description="Primary subtags; empty: any")
    detects_language: bool
    models: list[str] = Field(description="Others may be set up on a worker")
    default_model: str | None
    diarization: bool
    max_speakers: int
    phrases: bool
    paid: bool
    limits: list[ModelLimits] = Field(description="By model; a model that is not here has none of its own")
    prices: list[EnginePrice] = Field(description="Empty where nothing is paid, or the price is not known")

    @classmethod
    def of(cls, abilities: Abilities, *, default: bool) -> Self:
        """The resource of an engine's abilities."""
        names = [name for name in cls.model_fields if name not in {"default", "languages"}]
        values = {name: getattr(abilities, name) for name in names}
        return cls.model_validate({**values, "default": default, "languages": sorted(abilities.languages)})


class Alive(_Resource):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Check(_Resource):
    """One thing that was looked at, and what was found."""

    ok: bool
    detail: str


class Readiness(_Resource):
    """Whether the service can do its work, and what it looked at to know."""

    status: Literal["ready", "unready"]
    checks: dict[str, Check]


class FieldError(_Resource):
    """One thing that is wrong with a request: where, in words, and what."""

    where: str
    detail: str


class Problem(BaseModel):
    """RFC 9457: what went wrong, what was kept, what to do. `code` is stable, `detail` is for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] | None = Field(
        default=None, description="Each thing that is wrong with the request"
    )


def problem_kind(code: str) -> dict[str, str]:
    """The members of a problem document that follow from its code."""
    title = code.replace("_", " ").capitalize()
    return {"type": f"urn:coaching-transcripts:problem:{code}", "title": title, "code": code}
