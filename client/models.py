"""What the client reads of the service's answers: members that it does not know are left alone."""

from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.lifecycle import TERMINAL, JobStatus
from shared.transcript import Role

Format: TypeAlias = Literal["json", "txt", "md", "srt", "vtt", "csv"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Problem(_Answer):
    """Why something failed: a stable code and a sentence."""

    code: str
    detail: str


class Session(_Answer):
    """A recording and what became of it."""

    id: UUID
    title: str | None = None


class Job(_Answer):
    """One transcription of a session; `progress` is a percentage, `audio_ms_done` counts the audio heard."""

    id: UUID
    session_id: UUID
    status: JobStatus
    phase: str | None = None  # text, so that a newer service may name phases that we do not know
    progress: int = 0
    audio_ms_done: int | None = None
    message: str | None = None
    attempt: int = 0
    warnings: tuple[Problem, ...] = ()
    error: Problem | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing about it will change any more."""
        return self.status in TERMINAL


class Submission(_Answer):
    """What the service made of a recording: a session, and the job that transcribes it."""

    session: Session
    job: Job


class Speaker(_Answer):
    """A voice: its number, the name to show, and its role with how sure the service is (0 to 1)."""

    number: int
    name: str
    role: Role = Role.UNKNOWN
    role_confidence: float = 0.0


class Segment(_Answer):
    """A stretch of speech of one speaker, in milliseconds from the start."""

    n: int
    start_ms: int
    end_ms: int
    text: str
    speaker: int | None = None


class Transcript(_Answer):
    """A whole transcript."""

    title: str
    language: str | None = None
    duration_ms: int = 0
    speakers: tuple[Speaker, ...] = ()
    warnings: tuple[Problem, ...] = ()
    segments: tuple[Segment, ...] = ()

    def speaker(self, number: int | None) -> Speaker | None:
        """What is known of the speaker with this number."""
        return next((speaker for speaker in self.speakers if speaker.number == number), None)


class Order(_Answer):
    """What a session is asked for besides its recording; None leaves it to the service."""

    title: str | None = None
    language: str | None = None
    speakers: int | None = None
    engine: str | None = None
    model: str | None = None

    def form(self) -> dict[str, Any]:
        """The fields of the form."""
        return {name: str(value) for name, value in self.model_dump(exclude_none=True).items()}
