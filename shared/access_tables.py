"""The tables of who may do what: keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from shared.columns import json, text_, time


class ApiKey(SQLModel, table=True):
    """A tenant's key: its HMAC alone, never the key; `start` is the part by which people know it."""

    __tablename__ = "api_key"
    __table_args__ = (
        Index("api_key_by_hash", "hash", unique=True),
        Index("api_key_by_tenant", "tenant_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    tenant_id: str = text_()
    name: str = text_()
    start: str = text_()
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    scopes: list[str] = json("[]")
    created_by: str = text_()  # a key's id, or `command`
    created_at: datetime = time(nullable=False)
    expires_at: datetime | None = time()
    last_used_at: datetime | None = time()
    revoked_at: datetime | None = time()
