"""The repository of webhook endpoints: registered, listed, changed, given another secret, removed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.database import Connection, Pool
from shared.errors import NotFoundError
from shared.webhooks.records import EndpointRecord

# What waits for an endpoint that is switched off is given up; a replay brings it back.
GIVE_UP: Final = (
    "UPDATE webhook_delivery SET status = 'failed', finished_at = now()"
    " WHERE endpoint_id = $1 AND status = 'pending'"
)


class EndpointRepository:
    """Endpoints in Postgres, each method within one tenant."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, endpoint: EndpointRecord) -> None:
        """Store an endpoint; one with this id that is there already gets this one's secret: its own was never shown."""
        await self._pool.execute(
            "INSERT INTO webhook_endpoint (id, tenant_id, url, description, events, secret)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET secret = excluded.secret",
            endpoint.id, endpoint.tenant_id, endpoint.url, endpoint.description, endpoint.events, endpoint.secret,
        )  # fmt: skip

    async def get(self, endpoint_id: UUID, tenant_id: str) -> EndpointRecord:
        """One endpoint; NotFoundError."""
        row = await self._pool.fetchrow(
            "SELECT * FROM webhook_endpoint WHERE id = $1 AND tenant_id = $2", endpoint_id, tenant_id
        )
        if row is None:
            raise NotFoundError
        return EndpointRecord.from_row(row)

    async def page(self, tenant_id: str, *, limit: int, before: UUID | None = None) -> list[EndpointRecord]:
        """A tenant's endpoints, newest first, `before` an id."""
        rows = await self._pool.fetch(
            "SELECT * FROM webhook_endpoint WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2)"
            " ORDER BY id DESC LIMIT $3",
            tenant_id, before, limit,
        )  # fmt: skip
        return [EndpointRecord.from_row(row) for row in rows]

    async def count(self, tenant_id: str) -> int:
        """How many endpoints a tenant has."""
        return int(
            await self._pool.fetchval("SELECT count(*) FROM webhook_endpoint WHERE tenant_id = $1", tenant_id)
        )

    async def patch(
        self,
        connection: Connection,
        endpoint_id: UUID,
        tenant_id: str,
        *,
        url: str | None = None,
        description: str | None = None,
        events: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> EndpointRecord:
        """Change what is given; NotFoundError. Switched off, it is told nothing, and what waits for it is given up."""
        row = await connection.fetchrow(
            "UPDATE webhook_endpoint SET url = coalesce($3, url), description = coalesce($4, description),"
            " events = coalesce($5, events), updated_at = now(),"
            " disabled_at = CASE WHEN $6::boolean IS NULL THEN disabled_at"
            "   WHEN NOT $6 THEN coalesce(disabled_at, now()) END,"
            " disabled_reason = CASE WHEN $6 IS NULL THEN disabled_reason"
            "   WHEN NOT $6 THEN coalesce(disabled_reason, 'It was switched off.') END"
            " WHERE id = $1 AND tenant_id = $2 RETURNING *",
            endpoint_id, tenant_id, url, description, None if events is None else list(events), enabled,
        )  # fmt: skip
        if row is None:
            raise NotFoundError
        if enabled is False:
            await connection.execute(GIVE_UP, endpoint_id)
        return EndpointRecord.from_row(row)

    async def replace_secret(
        self, endpoint_id: UUID, tenant_id: str, secret: bytes, old_until: datetime | None
    ) -> EndpointRecord:
        """Sign with another secret from now on, and with the old one too until `old_until`; NotFoundError."""
        row = await self._pool.fetchrow(
            "UPDATE webhook_endpoint SET secret = $3, old_secret_until = $4, updated_at = now(),"
            " old_secret = CASE WHEN $4::timestamptz IS NOT NULL THEN secret END"
            " WHERE id = $1 AND tenant_id = $2 RETURNING *",
            endpoint_id, tenant_id, secret, old_until,
        )  # fmt: skip
        if row is None:
            raise NotFoundError
        return EndpointRecord.from_row(row)

    async def delete(self, endpoint_id: UUID, tenant_id: str) -> None:
        """Remove an endpoint with its deliveries; NotFoundError."""
        done = await self._pool.fetchval(
            "DELETE FROM webhook_endpoint WHERE id = $1 AND tenant_id = $2 RETURNING true", endpoint_id, tenant_id
        )  # fmt: skip
        if not done:
            raise NotFoundError
