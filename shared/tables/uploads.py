"""The tables of resumable uploads: what was announced, and which parts of it are in the object store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from shared.tables.columns import big, text_, time


class Upload(SQLModel, table=True):
    """A recording on its way in over several requests; `received` is how much of it is stored for good."""

    __tablename__ = "upload"
    __table_args__ = (
        CheckConstraint("received BETWEEN 0 AND size", name="received_within_size"),
        Index("upload_by_expiry", "expires_at"),
    )

    id: UUID = Field(primary_key=True)
    tenant_id: str = text_()
    size: int = big(None)  # as it was announced
    received: int = big(0)
    crc32c: int = big(0)  # of what was received, as it came
    filename: str | None = text_(nullable=True)
    media_type: str | None = text_(nullable=True)
    expected_crc32c: int | None = big(None, nullable=True)  # as it was announced
    upload_metadata: str | None = text_(nullable=True)  # the header, to be given back as it was
    session_id: UUID | None = Field(default=None)  # what it was made into
    expires_at: datetime = time(nullable=False)
    created_at: datetime = time(nullable=False)


class UploadPart(SQLModel, table=True):
    """An object with the bytes of an upload from `start` on."""

    __tablename__ = "upload_part"

    upload_id: UUID = Field(sa_column=Column(ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True))
    start: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    key: str = text_()
