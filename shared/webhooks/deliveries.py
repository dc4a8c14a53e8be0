"""The repository of deliveries: queued by what happens (`events`), claimed by workers, settled, replayed.

Everything is in Postgres, so deliveries outlive workers and Redis. A claim moves the delivery's next attempt a lease
ahead: what a dead worker had claimed is due again when that has passed. `attempts` is the fence of who settles.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from shared.database import Pool, transaction
from shared.errors import NotFoundError
from shared.webhooks.endpoints import GIVE_UP
from shared.webhooks.records import Attempt, DeliveryRecord, DeliveryStatus

KEPT_DAYS: Final = 30
_FORGET: Final = f"""
DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery
    WHERE created_at < now() - interval '{KEPT_DAYS} days' AND status <> 'pending' LIMIT 1000)
"""  # noqa: S608  (the part is a constant)
_LOOK_AHEAD: Final = 500

# The oldest first, but no more of one endpoint than it may have under way: one that is slow holds up itself alone.
_CLAIM: Final = f"""
WITH due AS (
    SELECT id, row_number() OVER (PARTITION BY endpoint_id ORDER BY next_attempt_at, id) AS turn FROM (
        SELECT d.id, d.endpoint_id, d.next_attempt_at
        FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id
        WHERE d.status = 'pending' AND d.next_attempt_at <= now() AND e.disabled_at IS NULL
            AND NOT d.endpoint_id = ANY($4::uuid[])
        ORDER BY d.next_attempt_at LIMIT {_LOOK_AHEAD}) oldest
), taken AS (
    SELECT d.id FROM webhook_delivery d JOIN due USING (id)
    WHERE due.turn <= $2 AND d.status = 'pending' AND d.next_attempt_at <= now()
    ORDER BY due.turn, d.next_attempt_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED
)
UPDATE webhook_delivery d SET attempts = d.attempts + 1, next_attempt_at = now() + $3::interval
FROM taken, webhook_endpoint e WHERE d.id = taken.id AND e.id = d.endpoint_id
RETURNING d.*, coalesce(d.url, e.url) AS target, e.secret,
    CASE WHEN e.old_secret_until > now() THEN e.old_secret END AS old_secret,
    (SELECT traceparent FROM job WHERE id = (d.data ->> 'job_id')::uuid) AS traceparent
"""  # noqa: S608  (the part is a constant)
# A claim is told from all others by the moment at which it ends: attempts are counted anew after a replay.
_MINE: Final = "id = $1 AND next_attempt_at = $2 AND status = 'pending'"
_DISABLE: Final = """
UPDATE webhook_endpoint SET disabled_at = now(), disabled_reason = $2, updated_at = now()
WHERE id = $1 AND disabled_at IS NULL RETURNING true
"""
_SILENT_SINCE: Final = """
SELECT NOT EXISTS (SELECT FROM webhook_delivery WHERE endpoint_id = $1 AND status = 'delivered' AND finished_at > $2)
"""
_REPLAY: Final = """
UPDATE webhook_delivery SET status = 'pending', attempts = 0, next_attempt_at = now(), finished_at = NULL
WHERE endpoint_id = $1 AND tenant_id = $2 AND status <> 'pending'
    AND (id = ANY($3::uuid[]) OR $4::timestamptz IS NOT NULL AND status = 'failed' AND created_at >= $4)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is this worker's to make, where it goes, and the sealed secrets that sign it, newest first.

    `traceparent` is that of the request that made its job, where that was traced.
    """

    delivery: DeliveryRecord
    url: str
    secrets: tuple[bytes, ...]
    traceparent: str | None = None


class DeliveryRepository:
    """Deliveries in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # What a caller does --------------------------------------------------------------------------------

    async def add(
        self, delivery_id: UUID, endpoint_id: UUID, tenant_id: str, event: str, data: dict[str, Any]
    ) -> None:
        """Queue an event for one endpoint; again under the same id does nothing."""
        await self._pool.execute(
            "INSERT INTO webhook_delivery (id, endpoint_id, tenant_id, event, data) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (id) DO NOTHING",
            delivery_id, endpoint_id, tenant_id, event, data,
        )  # fmt: skip

    async def get(self, delivery_id: UUID, endpoint_id: UUID, tenant_id: str) -> DeliveryRecord:
        """One delivery; NotFoundError."""
        row = await self._pool.fetchrow(
            "SELECT * FROM webhook_delivery WHERE id = $1 AND endpoint_id = $2 AND tenant_id = $3",
            delivery_id, endpoint_id, tenant_id,
        )  # fmt: skip
        if row is None:
            raise NotFoundError
        return DeliveryRecord.from_row(row)

    async def page(
        self,
        endpoint_id: UUID,
        tenant_id: str,
        *,
        limit: int,
        before: UUID | None = None,
        statuses: Sequence[DeliveryStatus] = (),
    ) -> list[DeliveryRecord]:
        """An endpoint's deliveries, newest first, `before` an id; no statuses mean all."""
        rows = await self._pool.fetch(
            "SELECT * FROM webhook_delivery WHERE endpoint_id = $1 AND tenant_id = $2"
            " AND ($3::uuid IS NULL OR id < $3) AND status = ANY($4) ORDER BY id DESC LIMIT $5",
            endpoint_id, tenant_id, before, [str(s) for s in statuses or DeliveryStatus], limit,
        )  # fmt: skip
        return [DeliveryRecord.from_row(row) for row in rows]

    async def attempts(self, delivery_ids: Sequence[UUID]) -> dict[UUID, list[Attempt]]:
        """The attempts of deliveries, oldest first, in one query."""
        rows = await self._pool.fetch(
            "SELECT * FROM webhook_attempt WHERE delivery_id = ANY($1) ORDER BY delivery_id, id", delivery_ids
        )
        found: dict[UUID, list[Attempt]] = {each: [] for each in delivery_ids}
        for row in rows:
            attempt = Attempt(row["at"], row["took_ms"], row["http_status"], row["error"], row["response"])
            found[row["delivery_id"]].append(attempt)
        return found

    async def replay(
        self, endpoint_id: UUID, tenant_id: str, delivery_ids: Sequence[UUID], failed_since: datetime | None
    ) -> list[UUID]:
        """Deliver these again, and all that failed since; returns which: what is pending anyway is not among them."""
        rows = await self._pool.fetch(_REPLAY, endpoint_id, tenant_id, list(delivery_ids), failed_since)
        return [row["id"] for row in rows]

    # What a worker does --------------------------------------------------------------------------------

    async def claim(
        self, *, most: int, of_one_endpoint: int, lease_s: float, but_not: Iterable[UUID] = ()
    ) -> list[Claimed]:
        """Take due deliveries, `most` in all; none of the endpoints in `but_not`, which have enough under way."""
        rows = await self._pool.fetch(
            _CLAIM, most, of_one_endpoint, timedelta(seconds=lease_s), list(but_not)
        )
        return [
            Claimed(
                DeliveryRecord.from_row(row), row["target"],
                tuple(secret for secret in (row["secret"], row["old_secret"]) if secret is not None),
                row["traceparent"],
            )
            for row in rows
        ]  # fmt: skip

    async def delivered(self, delivery: DeliveryRecord, attempt: Attempt) -> None:
        """The endpoint has it."""
        await self._settle(delivery, attempt, "status = 'delivered', finished_at = now()")

    async def again(self, delivery: DeliveryRecord, attempt: Attempt, wait_s: float) -> None:
        """The endpoint does not have it: try again after `wait_s`."""
        assignment = "next_attempt_at = now() + $3::interval"
        await self._settle(delivery, attempt, assignment, timedelta(seconds=wait_s))

    async def failed(self, delivery: DeliveryRecord, attempt: Attempt) -> None:
        """The endpoint does not have it, and nobody tries again by himself."""
        await self._settle(delivery, attempt, "status = 'failed', finished_at = now()")

    async def disable(self, endpoint_id: UUID, reason: str) -> bool:
        """Switch an endpoint off, and give up what waits for it; False where it was off already."""
        async with transaction(self._pool) as connection:
            done = await connection.fetchval(_DISABLE, endpoint_id, reason)
            await connection.execute(GIVE_UP, endpoint_id)
        return bool(done)

    async def silent_since(self, endpoint_id: UUID, moment: datetime) -> bool:
        """Whether the endpoint has taken nothing since."""
        return bool(await self._pool.fetchval(_SILENT_SINCE, endpoint_id, moment))

    async def give_back(self, deliveries: Sequence[DeliveryRecord]) -> None:
        """Have what was claimed and not settled be due at once: the worker stops."""
        await self._pool.execute(
            "UPDATE webhook_delivery d SET next_attempt_at = now(), attempts = d.attempts - 1"
            " FROM unnest($1::uuid[], $2::timestamptz[]) AS v (id, until)"
            " WHERE d.id = v.id AND d.next_attempt_at = v.until AND d.status = 'pending'",
            [d.id for d in deliveries], [d.next_attempt_at for d in deliveries],
        )  # fmt: skip

    async def forget_old(self) -> None:
        """Remove what is older than is kept, a part at a time."""
        await self._pool.execute(_FORGET)

    async def _settle(
        self, delivery: DeliveryRecord, attempt: Attempt, assignment: str, *values: Any
    ) -> None:
        """Note the attempt, and, where the delivery is still this worker's, what becomes of it."""
        async with transaction(self._pool) as connection:
            await connection.execute(
                "INSERT INTO webhook_attempt (delivery_id, at, took_ms, http_status, error, response)"
                " SELECT id, $2, $3, $4, $5, $6 FROM webhook_delivery WHERE id = $1",
                delivery.id, attempt.at, attempt.took_ms, attempt.http_status, attempt.error, attempt.response,
            )  # fmt: skip
            await connection.execute(
                f"UPDATE webhook_delivery SET {assignment} WHERE {_MINE}",  # noqa: S608  (constants of this class)
                delivery.id, delivery.next_attempt_at, *values,
            )  # fmt: skip
