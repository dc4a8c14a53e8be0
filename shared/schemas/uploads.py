"""What the HTTP API gives of resumable uploads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from shared.ports import DirectUpload
from shared.schemas.base import Resource
from shared.uploads import UploadRecord


class DirectUploadResource(Resource):
    """A request by which you begin to send the file straight to Cloud Storage. Its URL is a secret.

    The answer's `Location` is the address of a resumable session there, where the bytes go by Cloud Storage's own
    protocol. Send the headers as they stand: type and length are signed.
    """

    method: str
    url: str = Field(repr=False)
    headers: Mapping[str, str]
    expires_at: datetime = Field(
        description="Until when it can be begun; a look at the upload gives a new one"
    )

    @classmethod
    def of(cls, order: DirectUpload) -> Self:
        """The resource of what the store offers."""
        return cls(method=order.method, url=order.url, headers=order.headers, expires_at=order.expires_at)


class UploadResource(Resource):
    """A recording on its way in; when it is complete, `POST /v1/sessions` with `upload_id` makes a session of it."""

    id: UUID
    size: int = Field(description="Bytes, as announced")
    received: int = Field(description="Bytes that are stored for good")
    complete: bool
    filename: str | None
    session_id: UUID | None = Field(description="What was made of it")
    expires_at: datetime = Field(description="When it is erased, unless more of it comes")
    created_at: datetime
    direct: DirectUploadResource | None = Field(
        description="The way straight to the bucket, where recordings are kept in one and nothing was sent yet"
    )

    @classmethod
    def of(cls, record: UploadRecord, direct: DirectUpload | None) -> Self:
        """The resource of a row."""
        return cls(
            id=record.id,
            size=record.size,
            received=record.received,
            complete=record.received == record.size,
            filename=record.filename,
            session_id=record.session_id,
            expires_at=record.expires_at,
            created_at=record.created_at,
            direct=DirectUploadResource.of(direct) if direct else None,
        )
