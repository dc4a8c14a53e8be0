"""Keys in Postgres: made, found by their hash, listed, revoked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Final, Self
from uuid import UUID

from shared.database import Connection, Pool
from shared.errors import NotFoundError
from shared.records import Row
from shared.schemas.keys import KeyStatus
from shared.scopes import Scope

_INSERT: Final = """
INSERT INTO api_key (id, tenant_id, name, start, hash, scopes, created_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, start = excluded.start
"""
_USED: Final = """
UPDATE api_key k SET last_used_at = greatest(k.last_used_at, v.at)
FROM unnest($1::uuid[], $2::timestamptz[]) AS v (id, at) WHERE k.id = v.id
"""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A row of `api_key`, without the hash."""

    id: UUID
    tenant_id: str
    name: str
    start: str
    scopes: frozenset[Scope]
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """The record of a row; a scope of a later version is left out."""
        known = {scope.value for scope in Scope}
        values = {field.name: row[field.name] for field in fields(cls)}
        return cls(**values | {"scopes": frozenset(Scope(s) for s in row["scopes"] if s in known)})

    @property
    def status(self) -> KeyStatus:
        """Whether the key opens anything now."""
        if self.revoked_at is not None:
            return KeyStatus.REVOKED
        if self.expires_at is not None and self.expires_at <= datetime.now(UTC):
            return KeyStatus.EXPIRED
        return KeyStatus.ACTIVE


class KeyRepository:
    """Keys in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, connection: Connection, key: KeyRecord, hashed: bytes) -> None:
        """Store a key, inside the caller's transaction.

        One with this id that is there already was made for the same request and never shown: this one takes its place.
        """
        await connection.execute(
            _INSERT,
            key.id, key.tenant_id, key.name, key.start, hashed, sorted(key.scopes), key.created_by, key.expires_at,
        )  # fmt: skip

    async def find(self, hashes: Sequence[bytes]) -> KeyRecord | None:
        """The key with one of these hashes, by one read of the index; it is given the first hash if it has another."""
        row = await self._pool.fetchrow("SELECT * FROM api_key WHERE hash = ANY($1::bytea[])", hashes)
        if row is None:
            return None
        if row["hash"] != hashes[0]:
            await self._pool.execute("UPDATE api_key SET hash = $2 WHERE id = $1", row["id"], hashes[0])
        return KeyRecord.from_row(row)

    async def get(self, key_id: UUID, tenant_id: str) -> KeyRecord:
        """One key of a tenant; NotFoundError."""
        row = await self._pool.fetchrow(
            "SELECT * FROM api_key WHERE id = $1 AND tenant_id = $2", key_id, tenant_id
        )
        if row is None:
            raise NotFoundError
        return KeyRecord.from_row(row)

    async def of_any_tenant(self, key_id: UUID) -> KeyRecord | None:
        """One key, whosever it is: for the command of whoever runs the service."""
        row = await self._pool.fetchrow("SELECT * FROM api_key WHERE id = $1", key_id)
        return None if row is None else KeyRecord.from_row(row)

    async def page(self, tenant_id: str | None, *, limit: int, before: UUID | None = None) -> list[KeyRecord]:
        """A tenant's keys, or everyone's, newest first, `before` an id."""
        rows = await self._pool.fetch(
            "SELECT * FROM api_key WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::uuid IS NULL OR id < $2)"
            " ORDER BY id DESC LIMIT $3",
            tenant_id, before, limit,
        )  # fmt: skip
        return [KeyRecord.from_row(row) for row in rows]

    async def revoke(self, connection: Connection, key_id: UUID, tenant_id: str) -> KeyRecord:
        """Have the key open nothing from now on; again is no error. NotFoundError."""
        row = await connection.fetchrow(
            "UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 AND tenant_id = $2 RETURNING *",
            key_id, tenant_id,
        )  # fmt: skip
        if row is None:
            raise NotFoundError
        return KeyRecord.from_row(row)

    async def shorten(self, connection: Connection, key_id: UUID, until: datetime) -> None:
        """Have the key expire at `until`, unless it does so sooner."""
        await connection.execute(
            "UPDATE api_key SET expires_at = least(expires_at, $2) WHERE id = $1", key_id, until
        )

    async def used(self, moments: Mapping[UUID, datetime]) -> None:
        """Note when keys were last used, all in one statement."""
        await self._pool.execute(_USED, list(moments), list(moments.values()))

    async def any_active(self) -> bool:
        """Whether there is a key that opens something."""
        return bool(
            await self._pool.fetchval(
                "SELECT EXISTS (SELECT FROM api_key WHERE revoked_at IS NULL"
                " AND (expires_at IS NULL OR expires_at > now()))"
            )
        )
