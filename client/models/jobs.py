"""Jobs: how far a transcription is, and how it ended."""

from datetime import datetime
from uuid import UUID

from client.models.base import Answer, Notice
from shared.lifecycle import TERMINAL, JobStatus


class JobError(Notice):
    """Why a job failed, or why its last attempt did."""

    transient: bool = False


class Eta(Answer):
    """When half, and nine in ten, of jobs like this one would have ended."""

    p50: datetime
    p90: datetime


class Job(Answer):
    """One transcription of a session; `progress` is a percentage, `audio_ms_done` counts the audio heard."""

    id: UUID
    session_id: UUID
    status: JobStatus
    phase: str | None = None  # text, so that a newer service may name phases that we do not know
    progress: int = 0
    audio_ms_done: int = 0
    audio_duration_ms: int | None = None
    message: str = ""
    queue_position: int | None = None
    eta: Eta | None = None
    attempt: int = 0
    failures: int = 0
    warnings: tuple[Notice, ...] = ()
    error: JobError | None = None
    next_attempt_at: datetime | None = None
    engine: str = ""
    model: str | None = None
    fallback_engine: str | None = None
    fell_back_from: str | None = None  # the engine that it began with, where that failed
    language: str | None = None
    micro_dollars: int | None = None  # what it came to, once it has ended
    retry_of: UUID | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing about it will change any more."""
        return self.status in TERMINAL
