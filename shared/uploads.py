"""The repository of resumable uploads: how far each is, decided by one UPDATE that names where it stood."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.database import Connection, Pool, transaction
from shared.errors import ConflictError, NotFoundError, UploadExpiredError
from shared.records import Row


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """A row of `upload`; `size` is announced, `received` and `crc32c` are measured."""

    id: UUID
    tenant_id: str
    size: int
    received: int
    crc32c: int
    filename: str | None
    media_type: str | None
    expected_crc32c: int | None
    upload_metadata: str | None
    session_id: UUID | None
    expires_at: datetime
    created_at: datetime

    @property
    def prefix(self) -> str:
        """Where its objects are."""
        return upload_prefix(self.id)

    @property
    def direct_key(self) -> str:
        """Where a client puts the whole, if it sends it straight to the store."""
        return f"{self.prefix}/whole"


@dataclass(frozen=True, slots=True)
class StoredPart:
    """An object with the bytes of an upload from `start` to `end` (exclusive); `crc32c` is of all up to `end`."""

    start: int
    end: int
    key: str
    crc32c: int


def upload_prefix(upload_id: UUID) -> str:
    """Where an upload's objects are."""
    return f"uploads/{upload_id}"


class UploadRepository:
    """Uploads in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, upload: UploadRecord) -> None:
        """Commit a new one, unless it is there; the database sets when it was made."""
        await self._pool.execute(
            "INSERT INTO upload (id, tenant_id, size, filename, media_type, expected_crc32c, upload_metadata,"
            " expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            upload.id, upload.tenant_id, upload.size, upload.filename, upload.media_type, upload.expected_crc32c,
            upload.upload_metadata, upload.expires_at,
        )  # fmt: skip

    async def get(self, upload_id: UUID, tenant_id: str) -> UploadRecord:
        """One upload; NotFoundError, or UploadExpiredError until the sweep has come round."""
        row = await self._pool.fetchrow(
            "SELECT *, expires_at < now() AS expired FROM upload WHERE id = $1 AND tenant_id = $2",
            upload_id, tenant_id,
        )  # fmt: skip
        if row is None:
            raise NotFoundError
        if row["expired"] and row["session_id"] is None:
            raise UploadExpiredError
        return _record(row)

    async def add(
        self, upload_id: UUID, parts: Sequence[StoredPart], *, kept_for: timedelta
    ) -> datetime | None:
        """Commit parts that follow what was received, and keep the upload for so long from now.

        Returns when it expires. None where it does not stand at the first part's start any more: nothing is
        changed, and the parts' objects are nobody's.
        """
        start, end, crc32c = parts[0].start, parts[-1].end, parts[-1].crc32c
        expires_at = datetime.now(UTC) + kept_for
        async with transaction(self._pool) as connection:
            moved = await connection.fetchval(
                "UPDATE upload SET received = $3, crc32c = $4, expires_at = $5"
                " WHERE id = $1 AND received = $2 AND session_id IS NULL AND expires_at > now() RETURNING true",
                upload_id, start, end, crc32c, expires_at,
            )  # fmt: skip
            if not moved:
                return None
            await connection.executemany(
                "INSERT INTO upload_part (upload_id, start, key) VALUES ($1, $2, $3)",
                [(upload_id, part.start, part.key) for part in parts],
            )
        return expires_at

    async def parts(self, upload_id: UUID) -> list[str]:
        """The keys of its parts, in order."""
        rows = await self._pool.fetch(
            "SELECT key FROM upload_part WHERE upload_id = $1 ORDER BY start", upload_id
        )
        return [row["key"] for row in rows]

    async def consume(self, connection: Connection, upload_id: UUID, session_id: UUID) -> None:
        """Say what it was made into, inside the caller's transaction; ConflictError where it was made already."""
        mine = await connection.fetchval(
            "UPDATE upload SET session_id = $2 WHERE id = $1 AND session_id IS NULL RETURNING true",
            upload_id, session_id,
        )  # fmt: skip
        if not mine:
            raise ConflictError("The upload was made into a session at the same time, or is gone.")

    async def delete(self, upload_id: UUID, tenant_id: str) -> None:
        """Delete the row, if there is one."""
        await self._pool.execute("DELETE FROM upload WHERE id = $1 AND tenant_id = $2", upload_id, tenant_id)

    async def expired(self, limit: int) -> list[UUID]:
        """Some whose time is over, those that were made into sessions included."""
        rows = await self._pool.fetch(
            "SELECT id FROM upload WHERE expires_at < now() ORDER BY expires_at LIMIT $1", limit
        )
        return [row["id"] for row in rows]

    async def drop_expired(self, upload_id: UUID) -> None:
        """Delete the row of one whose time is over still."""
        await self._pool.execute("DELETE FROM upload WHERE id = $1 AND expires_at < now()", upload_id)


def _record(row: Row) -> UploadRecord:
    return UploadRecord(**{name: value for name, value in row.items() if name != "expired"})
