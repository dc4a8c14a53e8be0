"""The tables of who may do what: keys, what was asked under which idempotency key, and who did what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.tables.columns import json, text_, time


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


class IdempotencyKey(SQLModel, table=True):
    """A request that may be sent again: the root of the ids it makes, who carries it out, and its answer."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("idempotency_key_by_end", "expires_at"),)

    tenant_id: str = Field(sa_column=Column(Text, primary_key=True))
    key: str = Field(sa_column=Column(Text, primary_key=True))
    id: UUID = Field()
    attempt: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})  # the fence
    fingerprint: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    locked_until: datetime = time(nullable=False)
    status: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    headers: list[Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # sealed
    created_at: datetime = time(nullable=False)
    expires_at: datetime = time(nullable=False)


class AuditEvent(SQLModel, table=True):
    """Who did what; a trigger refuses to change, delete or truncate."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("audit_event_by_tenant", "tenant_id", "id"),
        Index("audit_event_by_actor", "actor", "id"),
        Index("audit_event_by_session", "session_id", "id", postgresql_where=text("session_id IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    at: datetime = time(nullable=False)
    tenant_id: str = text_()
    actor: str = text_()
    action: str = text_()
    path: str = text_()
    session_id: UUID | None = Field(default=None)
    status: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    request_id: str | None = text_(nullable=True)
    address: str | None = text_(nullable=True)
