"""What operators see: workers, the queue, jobs of all tenants."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from client.models.base import Answer
from client.models.jobs import Job


class Worker(Answer):
    """A worker process: `running`, `draining`, `stopped`, or `lost` (not heard of, and no goodbye)."""

    id: str
    host: str = ""
    pid: int = 0
    version: str = ""
    state: str = ""
    engines: tuple[str, ...] = ()
    max_jobs: int = 0
    running: int = 0
    job_ids: tuple[UUID, ...] = ()
    started_at: datetime | None = None
    seen_at: datetime | None = None


class Workers(Answer):
    """The workers seen in the last day."""

    items: tuple[Worker, ...] = ()


class Line(Answer):
    """The active jobs of one kind."""

    name: str
    running: int = 0
    waiting: int = 0


class Past(Answer):
    """How jobs ended in the last `seconds`."""

    seconds: int
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    wait_p50_ms: int | None = None
    wait_p95_ms: int | None = None
    run_p50_ms: int | None = None
    run_p95_ms: int | None = None


class Queue(Answer):
    """The queue now, and how it went; `due` are jobs that could run now."""

    paused: bool = False
    pause_reason: str | None = None
    workers: int = 0
    places: int = 0
    running: int = 0
    due: int = 0
    deferred: int = 0
    oldest_due_ms: int | None = None
    by_priority: tuple[Line, ...] = ()
    by_tenant: tuple[Line, ...] = ()
    by_engine: tuple[Line, ...] = ()
    unserved_engines: tuple[str, ...] = ()
    past: tuple[Past, ...] = ()


class EngineScaling(Answer):
    """What one engine has to do, and the places of the workers that run it."""

    due: int = 0
    running: int = 0
    deferred: int = 0
    oldest_due_ms: int = 0
    workers: int = 0
    places: int = 0
    places_free: int = 0
    places_wanted: int = 0


class Scaling(EngineScaling):
    """What a scaler needs: the whole service, and its engines by name."""

    paused: bool = False
    engines: dict[str, EngineScaling] = Field(default_factory=dict)


class Trends(Answer):
    """How the work went: every list has one value for each moment of `at`, the oldest first; the last is not over."""

    step_seconds: int
    at: tuple[datetime, ...] = ()
    succeeded: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    cancelled: tuple[int, ...] = ()
    wait_p50_ms: tuple[int | None, ...] = ()
    wait_p95_ms: tuple[int | None, ...] = ()
    run_p50_ms: tuple[int | None, ...] = ()
    run_p95_ms: tuple[int | None, ...] = ()
    micro_dollars: tuple[int, ...] = ()
    audio_ms: tuple[int, ...] = ()


class OperatorJob(Answer):
    """A job of any tenant, with what only operators see."""

    tenant_id: str
    title: str = ""
    worker: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    micro_dollars: int | None = None
    job: Job


class Event(Answer):
    """Something that happened to a job."""

    at: datetime
    attempt: int = 0
    what: str
    detail: dict[str, Any] = Field(default_factory=dict)


class Operation(Answer):
    """Something that an engine was asked to do for a job; a long recording has one for each piece."""

    name: str | None = None
    prefix: str = ""
    engine: str = ""
    model: str = ""
    attempt: int = 0
    piece: int | None = None
    audio_ms: int = 0
    expected_micro_dollars: int = 0
    outcome: str | None = None
    created_at: datetime | None = None
    closed_at: datetime | None = None


class AttemptCost(Answer):
    """What an attempt of a job came to; an attempt that cost nothing has none."""

    attempt: int
    engine: str = ""
    model: str = ""
    audio_ms: int = 0
    billed_ms: int = 0
    micro_dollars: int = 0
    estimated: bool = False
    created_at: datetime | None = None


class OperatorJobDetail(OperatorJob):
    """The same, with its events, its operations, and what each attempt came to, in order."""

    events: tuple[Event, ...] = ()
    operations: tuple[Operation, ...] = ()
    costs: tuple[AttemptCost, ...] = ()


class Outcome(Answer):
    """What became of a selection of jobs: those acted on, and those left with the reason."""

    done: tuple[UUID, ...] = ()
    left: dict[str, str] = Field(default_factory=dict)
