"""Webhooks as the use cases see them: endpoints, deliveries and attempts, frozen; standard library only."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from shared.records import Row


class DeliveryStatus(StrEnum):
    """Where a delivery stands; a replay makes it pending again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """A row of `webhook_endpoint`; the secrets are sealed."""

    id: UUID
    tenant_id: str
    url: str
    description: str
    events: list[str]
    secret: bytes
    old_secret: bytes | None
    old_secret_until: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The record of a row."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A row of `webhook_delivery`."""

    id: UUID
    endpoint_id: UUID
    tenant_id: str
    url: str | None
    event: str
    data: dict[str, Any]
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The record of a row that has every column of `webhook_delivery`."""
        values = {field.name: row[field.name] for field in fields(cls)}
        return cls(**values | {"status": DeliveryStatus(row["status"])})

    @property
    def message_id(self) -> str:
        """The header `webhook-id`: the same at every attempt and replay, by which receivers know what they had."""
        return f"msg_{self.id.hex}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one request: an HTTP status, or why there is none; `response` is how the body began."""

    at: datetime
    took_ms: int
    http_status: int | None
    error: str | None
    response: str = ""
    retry_after_s: float = 0.0
