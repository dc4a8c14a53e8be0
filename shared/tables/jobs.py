"""The tables of jobs: their state, and what happened to them."""

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
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.lifecycle import ACTIVE, JobStatus, Priority, Processing
from shared.tables.columns import big as _big
from shared.tables.columns import json as _json
from shared.tables.columns import one_of as _one_of
from shared.tables.columns import small as _small
from shared.tables.columns import text_ as _text
from shared.tables.columns import time as _time
from shared.tenants import DEFAULT_TENANT

_ACTIVE = text("status IN ({})".format(", ".join(f"'{s}'" for s in JobStatus if s in ACTIVE)))


_WAITING = text("status = 'queued' AND rung_at IS NULL")


_IN_FLIGHT = text("status = 'running' OR status = 'queued' AND rung_at IS NOT NULL")


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
        Index("job_by_request", "request_id", postgresql_where=text("request_id IS NOT NULL")),
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
