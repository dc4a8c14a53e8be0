"""The audit trail in Postgres: added to and read, never changed; a trigger of the table sees to it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from shared.database import Connection, Pool
from shared.ids import new_id
from shared.records import Row

ANONYMOUS: Final = "anonymous"
COMMAND: Final = "command"

_ADD: Final = """
INSERT INTO audit_event (id, tenant_id, actor, action, path, session_id, status, request_id, address)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_PAGE: Final = """
SELECT a.*, k.name AS actor_name FROM audit_event a LEFT JOIN api_key k ON k.id::text = a.actor
WHERE ($1::uuid IS NULL OR a.id < $1) AND ($2::text IS NULL OR a.tenant_id = $2)
    AND ($3::text IS NULL OR a.actor = $3) AND ($4::text[] IS NULL OR a.action = ANY($4))
    AND ($5::uuid IS NULL OR a.session_id = $5)
    AND ($6::timestamptz IS NULL OR a.at >= $6) AND ($7::timestamptz IS NULL OR a.at < $7)
ORDER BY a.id DESC LIMIT $8
"""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A row of `audit_event`: who did what to what, from where, and whether it was done (the HTTP status)."""

    id: UUID
    tenant_id: str
    actor: str  # a key's id, ANONYMOUS, or COMMAND
    action: str  # the operation's id in the OpenAPI document
    path: str
    session_id: UUID | None
    status: int | None
    request_id: str | None
    address: str | None
    at: datetime
    actor_name: str | None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The record of a row with its key's name."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events; None means any."""

    tenant_id: str | None = None
    actor: str | None = None
    actions: Sequence[str] = ()
    session_id: UUID | None = None
    after: datetime | None = None  # inclusive
    before: datetime | None = None  # exclusive


async def note(
    connection: "Connection | Pool",
    *,
    tenant_id: str,
    actor: str,
    action: str,
    path: str,
    session_id: UUID | None = None,
    status: int | None = None,
    request_id: str | None = None,
    address: str | None = None,
) -> None:
    """Add an event; inside a transaction, with what it tells of."""
    await connection.execute(
        _ADD, new_id(), tenant_id, actor, action, path, session_id, status, request_id, address
    )


class AuditTrail:
    """Reads the trail."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, wanted: AuditFilter, *, limit: int, before: UUID | None) -> list[AuditRecord]:
        """Events of all tenants, newest first, `before` an id."""
        rows = await self._pool.fetch(
            _PAGE,
            before, wanted.tenant_id, wanted.actor, list(wanted.actions) or None, wanted.session_id,
            wanted.after, wanted.before, limit,
        )  # fmt: skip
        return [AuditRecord.from_row(row) for row in rows]
