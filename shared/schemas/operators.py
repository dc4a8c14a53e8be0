"""What operators get from the HTTP API and send to it, as pydantic models; beside the callers' `shared.schemas`."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.lifecycle import JobStatus
from shared.schemas.base import Resource
from shared.schemas.jobs import JobResource
from shared.schemas.wire_types import Instant, no_control_characters

_Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(no_control_characters)]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WorkerResource(Resource):
    """A worker process; `lost` ones have not been heard of for 15 s and have not said goodbye."""

    id: str
    host: str
    pid: int
    version: str
    state: Literal["running", "draining", "stopped", "lost"]
    engines: list[str]
    tasks: list[str] = Field(description="The names that it can be rung for")
    max_jobs: int
    running: int = Field(description="Jobs that it holds, as of its last beat")
    job_ids: list[UUID] = Field(description="The jobs that are running on it")
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None


class Workers(Resource):
    """The workers seen in the last day, the living first."""

    items: list[WorkerResource]


class Line(Resource):
    """The active jobs of one kind."""

    name: str
    running: int
    waiting: int


class Past(Resource):
    """How jobs ended in the last `seconds`; waits and runs are those of the succeeded ones."""

    seconds: int
    succeeded: int
    failed: int
    cancelled: int
    wait_p50_ms: int | None
    wait_p95_ms: int | None
    run_p50_ms: int | None
    run_p95_ms: int | None


class QueueResource(Resource):
    """The queue now, and how it went. `due` is what an autoscaler should look at: jobs that could run now."""

    paused: bool
    pause_reason: str | None
    paused_at: datetime | None
    workers: int = Field(description="Alive, and not draining")
    places: int = Field(description="Jobs that these may hold at once, together")
    running: int
    due: int
    deferred: int = Field(description="Waiting for the time of their next attempt")
    oldest_due_ms: int | None
    by_priority: list[Line]
    by_tenant: list[Line] = Field(description="The 50 longest lines")
    by_engine: list[Line]
    unserved_engines: list[str] = Field(description="Engines that jobs wait for and no living worker runs")
    past: list[Past]


class EngineScaling(Resource):
    """What one engine has to do, and the places of the workers that run it; all are numbers, 0 where there is none."""

    due: int = Field(description="Jobs that could run now")
    running: int
    deferred: int = Field(description="Waiting for the time of their next attempt")
    oldest_due_ms: int = Field(description="How long the oldest due job has waited; 0 where none is due")
    workers: int = Field(description="Alive, and not draining")
    places: int = Field(description="Jobs that these may hold at once, together")
    places_free: int = Field(description="Places that no running job takes")
    places_wanted: int = Field(
        description="Running and due jobs; of a tenant no more than may be in flight, while paused only running ones, "
        "in all only those whose engine a living worker runs (any, where none lives)"
    )


class ScalingResource(EngineScaling):
    """What a scaler needs. Workers to have: `places_wanted` x margin / `max_jobs` of one, rounded up."""

    paused: bool
    engines: dict[str, EngineScaling] = Field(
        description="By engine; a worker that runs two engines counts for both, so these do not add up to the whole"
    )


class TrendsResource(Resource):
    """How the work went, interval by interval: every list has one value for each moment of `at`, the oldest first."""

    step_seconds: int
    at: list[datetime] = Field(description="When each interval begins; the last one is not over yet")
    succeeded: list[int]
    failed: list[int]
    cancelled: list[int]
    wait_p50_ms: list[int | None] = Field(description="Of the jobs that succeeded; null where none did")
    wait_p95_ms: list[int | None]
    run_p50_ms: list[int | None]
    run_p95_ms: list[int | None]
    micro_dollars: list[int]
    audio_ms: list[int]


class Event(Resource):
    """Something that happened to a job: a change of status, or the phase that it entered."""

    at: datetime
    attempt: int
    what: str
    detail: dict[str, Any]


class OperatorJobResource(Resource):
    """A job of any tenant, with what only operators see."""

    tenant_id: str
    title: str
    worker: str | None
    operation_name: str | None
    request_id: str | None
    traceparent: str | None
    trace_id: str | None = Field(default=None, description="The trace that `traceparent` names")
    micro_dollars: int | None
    job: JobResource


class OperationResource(Resource):
    """Something that an engine was asked to do for a job; a long recording has one for each piece."""

    name: str | None = Field(description="The engine's name for it; null where nothing is known to run")
    prefix: str = Field(description="Where its output is in the engine's store; unique for good")
    engine: str
    model: str
    attempt: int = Field(description="That meant to start it; a later one may follow it")
    piece: int | None = Field(description="Counted from 0; null: the whole recording, or a piece given up")
    audio_ms: int
    expected_micro_dollars: int
    outcome: str | None = Field(description="null while it is open")
    billed_ms: int | None = Field(
        description="All channels together; null while it is open, or where it was not kept"
    )
    micro_dollars: int | None = Field(description="As `billed_ms`")
    estimated: bool | None = Field(description="Whether no bill was seen; as `billed_ms`")
    created_at: datetime
    closed_at: datetime | None


class AttemptCost(Resource):
    """What an attempt of a job came to, all its operations together; an attempt that cost nothing has none."""

    attempt: int
    engine: str
    model: str
    audio_ms: int
    billed_ms: int
    micro_dollars: int
    estimated: bool = Field(description="Whether no bill was seen for some of it")
    created_at: datetime = Field(description="When the first of it was booked")


class OperatorJobDetail(OperatorJobResource):
    """The same, with its events, its operations, and what each attempt came to, in order."""

    events: list[Event]
    operations: list[OperationResource]
    costs: list[AttemptCost]


class PauseOrder(_Order):
    """Why the queue is paused, for those who wonder."""

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(no_control_characters)
    ] = ""


class JobSelection(_Order):
    """Which jobs to act on: by id, or all that match; a selection that names nothing is refused."""

    ids: list[UUID] = Field(default_factory=list, max_length=1_000)
    status: list[JobStatus] = Field(default_factory=list)
    tenant_id: _Name | None = None
    engine: _Name | None = None
    error_code: _Name | None = None
    created_after: Instant | None = None
    limit: int = Field(default=100, ge=1, le=1_000, description="At most so many, the newest first")


class Outcome(Resource):
    """What became of a selection: the jobs that were acted on (new ones for a requeue), and those left as they were."""

    done: list[UUID]
    left: dict[UUID, str] = Field(description="Job id to the reason")
