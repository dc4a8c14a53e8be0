"""The tables, as SQLModel classes; migrations are compared with them by a test.

`session`, `processing_status` and `transcript_segment` carry the names that the older system's queries use.
Statuses are text with a CHECK: an enum value cannot be added and used in one transaction.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.types import Float, SmallInteger
from sqlmodel import Field, SQLModel

from shared.columns import big as _big
from shared.columns import json as _json
from shared.columns import one_of as _one_of
from shared.columns import small as _small
from shared.columns import text_ as _text
from shared.columns import time as _time
from shared.lifecycle import ACTIVE, JobStatus, Outcome, Phase, Priority, Processing
from shared.tenants import DEFAULT_TENANT
from shared.transcript import Role

_ACTIVE = text("status IN ({})".format(", ".join(f"'{s}'" for s in JobStatus if s in ACTIVE)))
_UNDISCARDED = text("closed_at IS NOT NULL AND discarded_at IS NULL")
_WAITING = text("status = 'queued' AND rung_at IS NULL")
_IN_FLIGHT = text("status = 'running' OR status = 'queued' AND rung_at IS NOT NULL")


class Session(SQLModel, table=True):
    """A recording and what the caller said of it; `status` mirrors the newest job's."""

    __tablename__ = "session"
    __table_args__ = (
        _one_of("status", JobStatus),
        Index("session_by_tenant", "tenant_id", "id"),
        Index("session_by_age", "created_at"),
        Index("session_by_expiry", "delete_after", postgresql_where=text("delete_after IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    tenant_id: str = _text(DEFAULT_TENANT)
    title: str = _text()
    language: str | None = _text(nullable=True)
    status: str = _text(JobStatus.QUEUED)
    transcription_job_id: UUID | None = Field(default=None)
    audio_key: str = _text()
    audio_filename: str | None = _text(nullable=True)
    audio_source: str | None = _text(nullable=True)  # where it is to be fetched; null once it is here
    audio_container: str | None = _text(nullable=True)  # this and the next two: null until it is here
    audio_size: int | None = _big(None, nullable=True)
    audio_sha256: str | None = _text(nullable=True)  # null too where nobody has read it yet
    duration_ms: int | None = _big(None, nullable=True)
    metadata_: dict[str, Any] = Field(
        sa_column=Column("metadata", JSONB, nullable=False, server_default=text("'{}'::jsonb"))
    )
    delete_after: datetime | None = _time()
    webhook_id: UUID | None = Field(default=None)  # whose secret signs what is sent to `webhook_url`
    webhook_url: str | None = _text(nullable=True)
    created_at: datetime = _time(nullable=False)
    updated_at: datetime = _time(nullable=False)


class Job(SQLModel, table=True):
    """One order to transcribe a session: its options, its state, and the fence (`attempt`)."""

    __tablename__ = "job"
    __table_args__ = (
        _one_of("status", JobStatus),
        _one_of("priority", Priority),
        _one_of("processing", Processing),
        CheckConstraint("attempt >= 0", name="attempt_counts_up"),
        # One session is transcribed by one job at a time: what makes a double click harmless.
        Index("job_one_active", "session_id", unique=True, postgresql_where=_ACTIVE),
        Index("job_by_session", "session_id"),
        Index("job_active", "status", "queued_at", postgresql_where=_ACTIVE),
        Index("job_by_tenant", "tenant_id", "id"),
        Index("job_waiting_by_engine", "tenant_id", "engine", "place", "id", postgresql_where=_WAITING),
        Index("job_by_end", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index("job_by_ring", "tenant_id", "rung_at"),
        Index("job_in_flight", "tenant_id", postgresql_where=_IN_FLIGHT),
    )

    id: UUID = Field(primary_key=True)
    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), nullable=False))
    tenant_id: str = _text(DEFAULT_TENANT)
    status: str = _text(JobStatus.QUEUED)
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})  # the fence: every claim
    failures: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})  # claims that went wrong
    priority: str = _text(Priority.NORMAL)
    engine: str = _text()
    model: str | None = _text(nullable=True)
    fallback_engine: str | None = _text(nullable=True)
    fell_back: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    language: str | None = _text(nullable=True)
    speakers: int = _small(2)
    diarization: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    phrases: list[str] = _json("[]")
    processing: str = _text(Processing.STANDARD)
    progress: int = _small(
        0
    )  # this and the next: kept when the job ends; until then processing_status has them
    audio_ms_done: int = _big(0)
    warnings: list[dict[str, Any]] = _json("[]")
    error: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    worker: str | None = _text(nullable=True)
    operation_prefix: str | None = _text(nullable=True)  # the intent: committed before money is spent
    operation_name: str | None = _text(nullable=True)
    request_id: str | None = _text(nullable=True)
    traceparent: str | None = _text(nullable=True)
    retry_of: UUID | None = Field(default=None)
    next_attempt_at: datetime | None = _time()
    created_at: datetime = _time(nullable=False)
    queued_at: datetime = _time(nullable=False)
    place: datetime = _time(
        nullable=False
    )  # when it was made, less the lead of its priority: its order in line
    rung_at: datetime | None = _time()  # when it went from waiting here into the queue
    lane: str | None = _text(nullable=True)  # into which queue: that of the workers with these engines
    started_at: datetime | None = _time()
    finished_at: datetime | None = _time()
    updated_at: datetime = _time(nullable=False)


class ProcessingStatus(SQLModel, table=True):
    """How far the session's newest job is; written by the worker in batches, served as it stands."""

    __tablename__ = "processing_status"
    __table_args__ = (
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress_percent"),
        _one_of("phase", Phase),
        Index("processing_status_by_job", "job_id", unique=True),
        {"postgresql_with": {"fillfactor": 70}},  # room for updates in place
    )

    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True))
    job_id: UUID = Field(sa_column=Column(ForeignKey("job.id", ondelete="CASCADE"), nullable=False))
    phase: str | None = _text(nullable=True)
    progress: int = _small(0)
    audio_ms_done: int = _big(0)
    message: str = _text("")
    updated_at: datetime = _time(nullable=False)


class TranscriptSegment(SQLModel, table=True):
    """One segment of a session's transcript; `words` are [text, start ms, end ms, confidence, joined]."""

    __tablename__ = "transcript_segment"
    __table_args__ = (
        Index("transcript_segment_by_term", "search", postgresql_using="gin"),
        Index("transcript_segment_unindexed", "session_id", postgresql_where=text("search IS NULL")),
    )

    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True))
    n: int = Field(primary_key=True)
    start_ms: int = _big(None)
    end_ms: int = _big(None)
    speaker: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    content: str = _text()
    confidence: float | None = Field(default=None, sa_column=Column(Float, nullable=True))
    words: list[list[Any]] = _json("[]")
    version: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    search: str | None = Field(
        default=None, sa_column=Column(TSVECTOR, nullable=True)
    )  # None: not indexed yet


class SessionSpeaker(SQLModel, table=True):
    """A voice of a session: the name shown, its role, and what the role was read from."""

    __tablename__ = "session_speaker"
    __table_args__ = (_one_of("role", Role),)

    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    name: str = _text()
    role: str = _text(Role.UNKNOWN)
    role_confidence: float = Field(
        default=0.0, sa_column=Column(Float, nullable=False, server_default=text("0"))
    )
    evidence: dict[str, float] = _json("{}")


class Usage(SQLModel, table=True):
    """What one attempt of a job cost; no foreign keys, since the ledger stays when the session goes."""

    __tablename__ = "usage"
    __table_args__ = (
        Index("usage_by_tenant", "tenant_id", "created_at"),
        Index("usage_by_engine", "engine", "created_at"),
    )

    job_id: UUID = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    session_id: UUID = Field()
    tenant_id: str = _text()
    engine: str = _text()
    model: str = _text()
    audio_ms: int = _big(None)
    billed_ms: int = _big(None)
    micro_dollars: int = _big(None)
    estimated: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    created_at: datetime = _time(nullable=False)


class OperationRow(SQLModel, table=True):
    """Something that may cost money: written before it is started, closed once; no foreign keys, as in `usage`."""

    __tablename__ = "operation"
    __table_args__ = (
        _one_of("outcome", Outcome),
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed_with_outcome"),
        Index("operation_open", "created_at", postgresql_where=text("closed_at IS NULL")),
        Index("operation_by_job", "job_id"),
        Index("operation_undiscarded", "closed_at", postgresql_where=_UNDISCARDED),
    )

    prefix: str = Field(sa_column=Column(Text, primary_key=True))
    job_id: UUID = Field()
    attempt: int = Field()
    session_id: UUID = Field()
    tenant_id: str = _text()
    engine: str = _text()
    model: str = _text()
    audio_ms: int = _big(None)
    notices: list[dict[str, Any]] = _json("[]")
    expected_micro_dollars: int = _big(None)
    name: str | None = _text(nullable=True)
    outcome: str | None = _text(nullable=True)
    created_at: datetime = _time(nullable=False)
    closed_at: datetime | None = _time()
    # What it came to; null while it is open, and where a release closed it that kept this by attempt only.
    billed_ms: int | None = _big(None, nullable=True)
    micro_dollars: int | None = _big(None, nullable=True)
    estimated: bool | None = Field(default=None, nullable=True)
    discarded_at: datetime | None = _time()  # nothing of it is in the engine's store since then
    tried_at: datetime | None = _time()  # when it was last looked at as a loose end, or as a leftover


class WorkerRow(SQLModel, table=True):
    """A worker process and when it was last seen; rows outlive a flushed Redis, and tell who died when."""

    __tablename__ = "worker"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    host: str = _text()
    pid: int = Field()
    version: str = _text()
    max_jobs: int = Field()
    running: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    draining: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    engines: list[str] = _json("[]")
    lane: str | None = _text(nullable=True)  # null: of a release that knew one queue only
    tasks: list[str] = _json("[]")
    drain_requested: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    started_at: datetime = _time(nullable=False)
    seen_at: datetime = _time(nullable=False)
    stopped_at: datetime | None = _time()


class JobEvent(SQLModel, table=True):
    """Something that happened to a job, in order: what operators read of its life."""

    __tablename__ = "job_event"
    __table_args__ = (Index("job_event_by_job", "job_id", "n"),)

    n: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    job_id: UUID = Field(sa_column=Column(ForeignKey("job.id", ondelete="CASCADE"), nullable=False))
    attempt: int = Field()
    what: str = _text()
    detail: dict[str, Any] = _json("{}")
    at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())
    )


class QueuePause(SQLModel, table=True):
    """The queue was paused by an operator: nothing more enters it while the one row is there."""

    __tablename__ = "queue_pause"
    __table_args__ = (CheckConstraint("alone", name="one_pause"),)

    alone: bool = Field(default=True, primary_key=True, sa_column_kwargs={"server_default": text("true")})
    reason: str = _text("")
    paused_at: datetime = _time(nullable=False)


class BudgetRow(SQLModel, table=True):
    """What a tenant may spend in a calendar month; no row, no limit."""

    __tablename__ = "budget"
    __table_args__ = (CheckConstraint("micro_dollars_per_month >= 0", name="budget_not_negative"),)

    tenant_id: str = Field(sa_column=Column(Text, primary_key=True))
    micro_dollars_per_month: int = _big(None)
    updated_at: datetime = _time(nullable=False)
