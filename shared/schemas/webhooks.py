"""Webhooks as the HTTP API takes and gives them, and as they are sent."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.lifecycle import JobStatus
from shared.schemas.base import Resource
from shared.schemas.keys import Moment
from shared.schemas.wire_types import Instant, no_control_characters
from shared.webhooks.events import SUBSCRIBABLE, Event
from shared.webhooks.records import Attempt, DeliveryRecord, DeliveryStatus, EndpointRecord

Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048, strip_whitespace=True),
    Field(description="https, without user name, password and #", examples=["https://app.example/hooks"]),
]
Description = Annotated[
    str,
    StringConstraints(max_length=200, strip_whitespace=True),
    AfterValidator(no_control_characters),
]


def _subscribable(events: list[Event]) -> list[Event]:
    if set(events) - set(SUBSCRIBABLE):
        raise ValueError(f"must be among {', '.join(SUBSCRIBABLE)}")
    return list(dict.fromkeys(events))


Events = Annotated[
    list[Event],
    AfterValidator(_subscribable),
    Field(max_length=len(Event), json_schema_extra={"items": {"type": "string", "enum": list(SUBSCRIBABLE)}}),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EndpointOrder(_Request):
    """An address that is to be told; without `events`, of everything."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://app.example/hooks", "events": ["job.succeeded", "job.failed"]}]
        }
    )

    url: Url
    description: Description = ""
    events: Events = Field(default_factory=lambda: [*SUBSCRIBABLE])


class EndpointPatch(_Request):
    """What is to change; what is left out stays. `enabled: true` switches on again what was switched off."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": True}]})

    url: Url | None = None
    description: Description | None = None
    events: Events | None = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        for name in self.model_fields_set:
            if getattr(self, name) is None:
                raise ValueError(f"{name} must not be null")
        return self


class SecretRotation(_Request):
    """How a secret is replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "PT24H"}]})

    until: Moment | None = Field(
        default=None,
        description="Until when both secrets sign; the old one no more from now on, when left out",
    )


class Replay(_Request):
    """What is to be delivered again: some deliveries, whatever became of them, or all that failed since a time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"failed_since": "2026-11-24T00:00:00Z"}]})

    ids: list[UUID] = Field(default_factory=list, max_length=1000)
    failed_since: Instant | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.ids and self.failed_since is None:
            raise ValueError("give ids, or failed_since")
        return self


class EndpointResource(Resource):
    """An endpoint, without its secret."""

    id: UUID
    url: str
    description: str
    events: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    old_secret_until: datetime | None = Field(description="Until when a replaced secret signs too")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, record: EndpointRecord, **more: Any) -> Self:
        """The resource of a row."""
        same = {name: getattr(record, name) for name in EndpointResource.model_fields if name != "enabled"}
        return cls(**same, enabled=record.disabled_at is None, **more)


class NewEndpoint(EndpointResource):
    """An endpoint whose secret has just been made. It is shown this once."""

    secret: str = Field(description="`whsec_...`, as libraries of Standard Webhooks take it")


class AttemptResource(Resource):
    """One request, and what came of it."""

    at: datetime
    took_ms: int
    http_status: int | None
    error: str | None
    response: str = Field(description="How the answer's body began")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """The resource of a row."""
        return cls(**{name: getattr(attempt, name) for name in cls.model_fields})


class DeliveryResource(Resource):
    """One event for one endpoint."""

    id: UUID
    message_id: str = Field(description="The header `webhook-id`")
    event: str
    data: dict[str, Any]
    status: DeliveryStatus
    next_attempt_at: datetime | None = Field(description="Null when it has ended")
    created_at: datetime
    finished_at: datetime | None
    attempts: list[AttemptResource]

    @classmethod
    def of(cls, record: DeliveryRecord, attempts: list[Attempt]) -> Self:
        """The resource of a row and its attempts."""
        pending = record.status is DeliveryStatus.PENDING
        return cls(
            id=record.id,
            message_id=record.message_id,
            event=record.event,
            data=record.data,
            status=record.status,
            next_attempt_at=record.next_attempt_at if pending else None,
            created_at=record.created_at,
            finished_at=record.finished_at,
            attempts=[AttemptResource.of(attempt) for attempt in attempts],
        )


class Replayed(Resource):
    """What will be delivered again."""

    queued: list[UUID]


class ToldError(Resource):
    """Why a job did not succeed."""

    code: str
    detail: str


class JobEnded(Resource):
    """What became of a job. What was said is not in it: fetch the transcript."""

    job_id: UUID
    session_id: UUID
    status: JobStatus
    language: str | None
    duration_ms: int | None
    finished_at: datetime
    retry_of: UUID | None
    error: ToldError | None


class SessionDeleted(Resource):
    """A session that is gone."""

    session_id: UUID


class JobPayload(Resource):
    """What is posted when a job has ended."""

    type: Literal["job.succeeded", "job.failed", "job.cancelled"]
    timestamp: datetime = Field(description="When it happened")
    data: JobEnded


class SessionPayload(Resource):
    """What is posted when a session has been erased, by a request or because its time was over."""

    type: Literal["session.deleted"]
    timestamp: datetime
    data: SessionDeleted
