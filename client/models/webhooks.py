"""Webhooks, and what was delivered to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from client.models.base import Answer


class Webhook(Answer):
    """An address that is told of events, without its secret."""

    id: UUID
    url: str
    description: str = ""
    events: tuple[str, ...] = ()
    enabled: bool = True
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    created_at: datetime | None = None


class NewWebhook(Webhook):
    """A webhook whose secret has just been made: `secret` is shown this once."""

    secret: str = Field(repr=False)


class DeliveryAttempt(Answer):
    """One request to the address, and what came of it."""

    at: datetime
    took_ms: int = 0
    http_status: int | None = None
    error: str | None = None
    response: str = ""


class Delivery(Answer):
    """One event for one webhook."""

    id: UUID
    message_id: str = ""
    event: str
    data: dict[str, Any] = Field(default_factory=dict)
    status: str = ""
    next_attempt_at: datetime | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: tuple[DeliveryAttempt, ...] = ()


class Replayed(Answer):
    """What will be delivered again."""

    queued: tuple[UUID, ...] = ()
