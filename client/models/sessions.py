"""Sessions, and what is asked for of a recording."""

import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from client.models.base import Answer
from client.models.jobs import Job
from shared.lifecycle import JobStatus, Priority, Processing


class Audio(Answer):
    """The recording as it came; `size` in bytes. What nobody has looked at yet is None: see docs/api.md."""

    filename: str | None = None
    container: str | None = None
    media_type: str | None = None
    size: int | None = None
    sha256: str | None = None


class Session(Answer):
    """A recording and what became of it; status and job are those of its newest job."""

    id: UUID
    title: str | None = None
    language: str | None = None
    status: JobStatus | None = None
    job_id: UUID | None = None
    audio: Audio | None = None
    duration_ms: int | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    delete_after: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Waveform(Answer):
    """How loud a recording is, moment by moment: a peak for each `ms_per_peak` milliseconds, as base64."""

    ms_per_peak: int
    peaks: str

    def levels(self) -> bytes:
        """The peaks: 255 is full scale, each less a quarter of a decibel less, 0 is silence."""
        return b64decode(self.peaks)


class Submission(Answer):
    """What the service made of a recording: a session, and the job that transcribes it."""

    session: Session
    job: Job


class Order(BaseModel):
    """What is asked for besides the recording; None leaves it to the service.

    `fallback_engine` goes on where `engine` fails for good; `language` is a BCP 47 tag; `speakers` are at most 8;
    `phrases` are names and terms to expect; `delete_after` is RFC 3339 or a duration such as P30D; `webhook_url` is
    told when the job has ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str | None = None
    language: str | None = None
    speakers: int | None = None
    diarization: bool | None = None
    engine: str | None = None
    model: str | None = None
    fallback_engine: str | None = None
    phrases: tuple[str, ...] | None = None
    priority: Priority | None = None
    processing: Processing | None = None
    metadata: Mapping[str, Any] | None = None
    delete_after: str | None = None
    webhook_url: str | None = None

    def members(self) -> dict[str, Any]:
        """What was asked for, as JSON."""
        return self.model_dump(mode="json", exclude_none=True)

    def form(self) -> dict[str, str]:
        """What was asked for, as fields of a form: text as it is, everything else as JSON."""
        return {n: v if isinstance(v, str) else json.dumps(v) for n, v in self.members().items()}
