"""Rows as the use cases see them: sessions and jobs, frozen."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Protocol, Self
from uuid import UUID

from shared.lifecycle import TERMINAL, JobStatus, Phase, Priority, Processing
from shared.observation.telemetry import trace_id_of


class Row(Protocol):
    """A database row: what asyncpg gives, or a plain dict."""

    def items(self) -> Iterable[tuple[str, Any]]:
        """Columns and their values."""
        ...

    def __getitem__(self, column: str, /) -> Any:
        """The value of a column."""
        ...


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A row of `session`."""

    id: UUID
    tenant_id: str
    title: str
    language: str | None
    status: JobStatus
    transcription_job_id: UUID | None
    audio_key: str
    audio_filename: str | None
    audio_source: str | None = field(repr=False)  # a URL may hold a signature or a token
    audio_container: str | None
    audio_size: int | None
    audio_sha256: str | None
    duration_ms: int | None
    metadata: dict[str, Any]
    delete_after: datetime | None
    webhook_id: UUID | None
    webhook_url: str | None = field(repr=False)  # it may hold a token
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The record of a row that has every column of `session`."""
        return cls(**_known(cls, row) | {"status": JobStatus(row["status"])})


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A row of `job`, joined with its processing_status where it is the session's newest job."""

    id: UUID
    session_id: UUID
    tenant_id: str
    status: JobStatus
    attempt: int
    failures: int
    priority: Priority
    engine: str
    model: str | None
    language: str | None
    speakers: int
    diarization: bool
    phrases: list[str]
    processing: Processing
    progress: int
    warnings: list[dict[str, Any]]
    error: dict[str, Any] | None
    worker: str | None
    operation_prefix: str | None
    operation_name: str | None
    request_id: str | None
    traceparent: str | None
    retry_of: UUID | None
    next_attempt_at: datetime | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    phase: Phase | None = None
    audio_ms_done: int = 0
    message: str = ""
    duration_ms: int | None = None
    fallback_engine: str | None = None
    micro_dollars: int | None = None  # what it came to, once it has ended
    fell_back: dict[str, Any] | None = None  # from what to `engine`: `engine`, `model`, and the error

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The record of a row that has every column of `job`, and perhaps those of its progress."""
        values = _known(cls, row)
        phase = values.get("phase")
        return cls(
            **values
            | {
                "status": JobStatus(row["status"]),
                "priority": Priority(row["priority"]),
                "processing": Processing(row["processing"]),
                "phase": Phase(phase) if phase else None,
            }
        )

    @property
    def trace_id(self) -> str | None:
        """The trace of the request that made the job, where it has one."""
        return trace_id_of(self.traceparent)

    @property
    def spare_engine(self) -> str | None:
        """The engine that the job may still go on with."""
        return self.fallback_engine if self.fell_back is None else None

    @property
    def terminal(self) -> bool:
        """Whether the job has ended for good."""
        return self.status in TERMINAL


def _known(cls: type[SessionRecord | JobRecord], row: Row) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in row.items() if name in names}
