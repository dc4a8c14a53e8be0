"""Webhooks: registered, changed, tried out; what was delivered, and again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from client.calls.reading import ask, listed, send
from client.models import Delivery, NewWebhook, Replayed, Webhook
from client.plans import Feed, Plan

_PATH: Final = "/v1/webhooks"


def create(url: str, events: Sequence[str] | None = None, *, description: str = "") -> Plan[NewWebhook]:
    """Register an address; its secret is in the answer, this once.

    `events` None: it is told of everything; none at all: only of jobs whose order names it as `webhook_url`.
    """
    body: dict[str, Any] = {"url": url, "description": description}
    if events is not None:
        body["events"] = list(events)
    return ask(NewWebhook, "POST", _PATH, body={"json": body})


def list_(*, limit: int | None = None) -> Feed[Webhook]:
    """The webhooks of this tenant, newest first."""
    return listed(Webhook, _PATH, limit)


def get(webhook_id: UUID) -> Plan[Webhook]:
    """One webhook; one that was switched off says why."""
    return ask(Webhook, "GET", f"{_PATH}/{webhook_id}")


def update(
    webhook_id: UUID,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> Plan[Webhook]:
    """Change what is given; `enabled=True` switches on again what was switched off."""
    wanted = {
        "url": url,
        "events": None if events is None else list(events),
        "description": description,
        "enabled": enabled,
    }
    body = {name: value for name, value in wanted.items() if value is not None}
    return ask(Webhook, "PATCH", f"{_PATH}/{webhook_id}", body={"json": body})


def delete(webhook_id: UUID) -> Plan[None]:
    """Remove a webhook, and what was to be delivered to it."""
    return send("DELETE", f"{_PATH}/{webhook_id}")


def rotate(webhook_id: UUID, *, until: str | None = None) -> Plan[NewWebhook]:
    """Sign with another secret; with `until` (RFC 3339 or a duration) both sign until then."""
    body = {} if until is None else {"until": until}
    return ask(NewWebhook, "POST", f"{_PATH}/{webhook_id}/rotate", body={"json": body})


def test(webhook_id: UUID) -> Plan[Delivery]:
    """Have a `webhook.test` delivered; look at the delivery to see how it went."""
    return ask(Delivery, "POST", f"{_PATH}/{webhook_id}/test")


def deliveries(webhook_id: UUID, *, status: Sequence[str] = (), limit: int | None = None) -> Feed[Delivery]:
    """What was, is, and will be delivered, newest first, with every attempt."""
    return listed(Delivery, f"{_PATH}/{webhook_id}/deliveries", limit, status=list(status))


def delivery(webhook_id: UUID, delivery_id: UUID) -> Plan[Delivery]:
    """One delivery with its attempts."""
    return ask(Delivery, "GET", f"{_PATH}/{webhook_id}/deliveries/{delivery_id}")


def replay(
    webhook_id: UUID, ids: Sequence[UUID] = (), *, failed_since: datetime | None = None
) -> Plan[Replayed]:
    """Deliver again: some deliveries, or all that failed since a time."""
    body: dict[str, Any] = {"ids": [str(each) for each in ids]} if ids else {}
    if failed_since is not None:
        body["failed_since"] = failed_since.isoformat()
    return ask(Replayed, "POST", f"{_PATH}/{webhook_id}/replay", body={"json": body})
