"""Resumable uploads."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import Field

from client.models.base import Answer


class DirectUpload(Answer):
    """A signed request that begins an upload straight to the bucket. Its URL is a secret."""

    method: str
    url: str = Field(repr=False)
    headers: Mapping[str, str]


class Upload(Answer):
    """A recording on its way in: `received` of `size` bytes are stored for good."""

    id: UUID
    size: int
    received: int = 0
    complete: bool = False
    filename: str | None = None
    session_id: UUID | None = None
    expires_at: datetime | None = None
    direct: DirectUpload | None = None
