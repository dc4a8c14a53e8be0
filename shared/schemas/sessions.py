"""Sessions as the HTTP API gives them."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from shared.lifecycle import JobStatus
from shared.records import SessionRecord
from shared.schemas.base import Resource
from shared.sources.containers import by_name


class AudioResource(Resource):
    """The recording as it came: `filename` as it was given, the rest as it was measured.

    What is null is not known yet: the worker measures what did not pass through the API.
    """

    filename: str | None
    container: str | None
    media_type: str | None
    size: int | None = Field(description="Bytes")
    sha256: str | None


class SessionResource(Resource):
    """A recording and what became of it; `status` is that of its newest job."""

    id: UUID
    title: str
    language: str | None = Field(description="As it was asked for; null: to be detected")
    status: JobStatus
    job_id: UUID | None = Field(description="The newest job")
    audio: AudioResource
    duration_ms: int | None = Field(description="Measured by the worker; null until then")
    metadata: dict[str, Any]
    delete_after: datetime | None
    webhook_url: str | None = None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, record: SessionRecord) -> Self:
        """The resource of a row."""
        known = by_name(record.audio_container or "")
        return cls(
            id=record.id,
            title=record.title,
            language=record.language,
            status=record.status,
            job_id=record.transcription_job_id,
            audio=AudioResource(
                filename=record.audio_filename,
                container=record.audio_container,
                media_type=known.media_type if known else None,
                size=record.audio_size,
                sha256=record.audio_sha256,
            ),
            duration_ms=record.duration_ms,
            metadata=record.metadata,
            delete_after=record.delete_after,
            webhook_url=record.webhook_url,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )
