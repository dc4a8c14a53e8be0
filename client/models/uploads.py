"""Resumable uploads."""

from datetime import datetime
from uuid import UUID

from client.models.base import Answer


class Upload(Answer):
    """A recording on its way in: `received` of `size` bytes are stored for good."""

    id: UUID
    size: int
    received: int = 0
    complete: bool = False
    filename: str | None = None
    session_id: UUID | None = None
    expires_at: datetime | None = None
