"""The table of sessions, and what they say of their newest job."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.lifecycle import JobStatus, Phase
from shared.tables.columns import big as _big
from shared.tables.columns import one_of as _one_of
from shared.tables.columns import small as _small
from shared.tables.columns import text_ as _text
from shared.tables.columns import time as _time
from shared.tenants import DEFAULT_TENANT


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
