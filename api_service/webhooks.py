"""The use cases of webhooks: register, change, try out, look at what was delivered, deliver again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from api_service.access.callers import Caller
from shared.database import Pool, transaction
from shared.errors import ConflictError, UnsupportedOptionError
from shared.observation.logs import get_logger
from shared.pepper import Pepper
from shared.queue.webhook_bell import WebhookBell
from shared.schemas.webhooks import EndpointOrder, EndpointPatch, Replay, SecretRotation
from shared.sources.addresses import Network
from shared.sources.egress import check_url
from shared.webhooks.deliveries import DeliveryRepository
from shared.webhooks.endpoints import EndpointRepository
from shared.webhooks.events import Event
from shared.webhooks.records import Attempt, DeliveryRecord, DeliveryStatus, EndpointRecord
from shared.webhooks.signing import new_secret

log = get_logger(__name__)

MOST: Final = 50


class Webhooks:
    """What a caller can do with the webhooks of its tenant."""

    def __init__(
        self, pool: Pool, pepper: Pepper | None, *, bell: WebhookBell, networks: Sequence[Network]
    ) -> None:
        """`networks`: the private ones that webhooks may lead into."""
        self._bell = bell
        self._pool = pool
        self._endpoints = EndpointRepository(pool)
        self._deliveries = DeliveryRepository(pool)
        self._pepper = pepper
        self._networks = networks

    async def create(self, caller: Caller, order: EndpointOrder) -> tuple[EndpointRecord, str]:
        """Register an endpoint; returns it and, this once, its secret."""
        check_url(order.url, self._networks)
        if await self._endpoints.count(caller.tenant_id) >= MOST:
            raise ConflictError(f"There are {MOST} webhooks already, the most that a tenant may have.")
        secret, now = new_secret(), datetime.now(UTC)
        endpoint_id = caller.id_for("webhook")
        endpoint = EndpointRecord(
            id=endpoint_id,
            tenant_id=caller.tenant_id,
            url=order.url,
            description=order.description,
            events=[str(event) for event in order.events],
            secret=self._sealed(secret),
            old_secret=None,
            old_secret_until=None,
            disabled_at=None,
            disabled_reason=None,
            created_at=now,
            updated_at=now,
        )
        await self._endpoints.add(endpoint)
        log.info("webhook registered", endpoint_id=str(endpoint_id))
        return await self._endpoints.get(endpoint_id, caller.tenant_id), secret

    async def get(self, caller: Caller, endpoint_id: UUID) -> EndpointRecord:
        """One endpoint; NotFoundError."""
        return await self._endpoints.get(endpoint_id, caller.tenant_id)

    async def page(self, caller: Caller, *, limit: int, before: UUID | None) -> list[EndpointRecord]:
        """A page of endpoints, newest first."""
        return await self._endpoints.page(caller.tenant_id, limit=limit, before=before)

    async def patch(self, caller: Caller, endpoint_id: UUID, patch: EndpointPatch) -> EndpointRecord:
        """Change what the patch names; NotFoundError."""
        given: dict[str, Any] = patch.model_dump(exclude_unset=True)
        if patch.url is not None:
            check_url(patch.url, self._networks)
        async with transaction(self._pool) as connection:
            return await self._endpoints.patch(connection, endpoint_id, caller.tenant_id, **given)

    async def rotate(
        self, caller: Caller, endpoint_id: UUID, wanted: SecretRotation
    ) -> tuple[EndpointRecord, str]:
        """Another secret; returns the endpoint and, this once, the secret. NotFoundError."""
        secret = new_secret()
        sealed = self._sealed(secret)
        endpoint = await self._endpoints.replace_secret(endpoint_id, caller.tenant_id, sealed, wanted.until)
        log.info("webhook secret replaced", endpoint_id=str(endpoint_id))
        return endpoint, secret

    async def delete(self, caller: Caller, endpoint_id: UUID) -> None:
        """Remove an endpoint with what was to be delivered to it; NotFoundError."""
        await self._endpoints.delete(endpoint_id, caller.tenant_id)
        log.info("webhook removed", endpoint_id=str(endpoint_id))

    async def test(self, caller: Caller, endpoint_id: UUID) -> DeliveryRecord:
        """Queue a delivery that says nothing; ConflictError where the endpoint is switched off."""
        endpoint = await self._endpoints.get(endpoint_id, caller.tenant_id)
        _refuse_disabled(endpoint)
        delivery_id = caller.id_for("test")
        await self._deliveries.add(delivery_id, endpoint_id, caller.tenant_id, Event.TEST, {})
        self._bell.poke()
        return await self._deliveries.get(delivery_id, endpoint_id, caller.tenant_id)

    async def delivery(
        self, caller: Caller, endpoint_id: UUID, delivery_id: UUID
    ) -> tuple[DeliveryRecord, list[Attempt]]:
        """One delivery with its attempts; NotFoundError."""
        found = await self._deliveries.get(delivery_id, endpoint_id, caller.tenant_id)
        return found, (await self._deliveries.attempts([delivery_id]))[delivery_id]

    async def deliveries(
        self,
        caller: Caller,
        endpoint_id: UUID,
        *,
        limit: int,
        before: UUID | None,
        statuses: Sequence[DeliveryStatus],
    ) -> list[tuple[DeliveryRecord, list[Attempt]]]:
        """A page of an endpoint's deliveries with their attempts, newest first; NotFoundError."""
        await self._endpoints.get(endpoint_id, caller.tenant_id)
        found = await self._deliveries.page(
            endpoint_id, caller.tenant_id, limit=limit, before=before, statuses=statuses
        )
        attempts = await self._deliveries.attempts([delivery.id for delivery in found])
        return [(delivery, attempts[delivery.id]) for delivery in found]

    async def replay(self, caller: Caller, endpoint_id: UUID, wanted: Replay) -> list[UUID]:
        """Deliver again; NotFoundError, ConflictError where the endpoint is switched off."""
        endpoint = await self._endpoints.get(endpoint_id, caller.tenant_id)
        _refuse_disabled(endpoint)
        queued = await self._deliveries.replay(endpoint_id, caller.tenant_id, wanted.ids, wanted.failed_since)
        self._bell.poke()
        return queued

    async def signer_of(self, tenant_id: str, url: str) -> UUID:
        """The endpoint at the host of a session's own address: its secret signs what is sent there.

        Raises AddressRefusedError, and UnsupportedOptionError where none is registered, or it is switched off.
        """
        check_url(url, self._networks)
        for endpoint in await self._endpoints.page(tenant_id, limit=MOST):
            if endpoint.disabled_at is None and _origin(endpoint.url) == _origin(url):
                return endpoint.id
        raise UnsupportedOptionError(
            f"In `webhook_url`: no webhook of yours is at {urlsplit(url).netloc}, so nothing could sign what is sent "
            "there. Register one (POST /v1/webhooks; with `events: []` it is told of nothing else). Nothing was "
            "stored.",
            field="webhook_url",
        )

    def _sealed(self, secret: str) -> bytes:
        if self._pepper is None:
            raise ConflictError(
                "Webhooks are off here, because TRANSCRIPTS_PEPPER is not set: their secrets could not be kept "
                "sealed. docs/security.md tells how to set it. Nothing was stored."
            )
        return self._pepper.seal(secret.encode())


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _refuse_disabled(endpoint: EndpointRecord) -> None:
    if endpoint.disabled_at is not None:
        raise ConflictError(
            f"The webhook is switched off: {endpoint.disabled_reason} PATCH it with enabled: true, then try again."
        )
