"""The tables of webhooks: who is told, what is to be told, and each attempt to tell it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from shared.tables.columns import json, one_of, text_, time
from shared.webhooks.records import DeliveryStatus

_PENDING = text("status = 'pending'")


class WebhookEndpoint(SQLModel, table=True):
    """An address that a tenant wants to be told at; its secrets are sealed under the pepper."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (Index("webhook_endpoint_by_tenant", "tenant_id", "id"),)

    id: UUID = Field(primary_key=True)
    tenant_id: str = text_()
    url: str = text_()
    description: str = text_("")
    events: list[str] = json("[]")
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    old_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    old_secret_until: datetime | None = time()
    disabled_at: datetime | None = time()
    disabled_reason: str | None = text_(nullable=True)
    created_at: datetime = time(nullable=False)
    updated_at: datetime = time(nullable=False)


class WebhookDelivery(SQLModel, table=True):
    """One event for one endpoint; a claim counts `attempts` up, which is also the fence of who delivers it."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        one_of("status", DeliveryStatus),
        Index("webhook_delivery_due", "next_attempt_at", postgresql_where=_PENDING),
        Index("webhook_delivery_by_endpoint", "endpoint_id", "id"),
        Index("webhook_delivery_by_age", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID = Field(
        sa_column=Column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"), nullable=False)
    )
    tenant_id: str = text_()
    url: str | None = text_(nullable=True)  # the session's own, in the place of the endpoint's
    event: str = text_()
    data: dict[str, Any] = json("{}")
    status: str = text_(DeliveryStatus.PENDING)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    next_attempt_at: datetime = time(nullable=False)
    created_at: datetime = time(nullable=False)
    finished_at: datetime | None = time()


class WebhookAttempt(SQLModel, table=True):
    """One request to an endpoint, and what came of it; `response` is the beginning of the answer's body."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (Index("webhook_attempt_by_delivery", "delivery_id", "id"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    delivery_id: UUID = Field(
        sa_column=Column(ForeignKey("webhook_delivery.id", ondelete="CASCADE"), nullable=False)
    )
    at: datetime = time(nullable=False)
    took_ms: int = Field()
    http_status: int | None = Field(default=None)
    error: str | None = text_(nullable=True)
    response: str = text_("")
