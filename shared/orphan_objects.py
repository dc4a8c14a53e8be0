"""Objects whose session or upload has no row: what is left where a process died between the two stores.

A recording is stored before its row is committed; a process may die between the two. An object that is older than the
grace period and has no row is nobody's. It is deleted only where that is beyond doubt: this database is the only one
that has ever swept this store, and what would go is not most of what is there.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from shared.database import Pool
from shared.observation.logs import get_logger
from shared.ports import ListedObject, ObjectStore

log = get_logger(__name__)

OWNERS: Final = "owners"
"""Under it lies one empty object for every database that has swept this store."""

_FEW: Final = 10
_AT_ONCE: Final = 500
_ROWS: Final = {
    "sessions": "SELECT id FROM session WHERE id = ANY($1)",
    "uploads": "SELECT id FROM upload WHERE id = ANY($1)",
}
# A database that was restored elsewhere is another one: its rows are not those of the store any more.
_IDENTITY: Final = (
    "SELECT format('%s-%s', system_identifier, oid) FROM pg_control_system(), pg_database"
    " WHERE datname = current_database()"
)


@dataclass(slots=True)
class Orphans:
    """What was found among the objects; `doubt` says why none of it may be deleted."""

    objects: list[ListedObject] = field(default_factory=list)
    seen: int = 0
    doubt: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the orphans."""
        return sum(each.size for each in self.objects)


class OrphanObjects:
    """Finds orphans in a store, and deletes them."""

    def __init__(self, pool: Pool, store: ObjectStore, *, grace: timedelta) -> None:
        """`grace`: an object that was written since may belong to a row that is still to come."""
        self._pool = pool
        self._store = store
        self._grace = grace

    async def find(self) -> Orphans:
        """Look at every object; changes nothing. StorageError."""
        found = Orphans()
        before = datetime.now(UTC) - self._grace
        for folder in _ROWS:
            batch: list[ListedObject] = []
            async for item in self._store.listing(folder):
                found.seen += 1
                if item.written_at < before:
                    batch.append(item)
                if len(batch) >= _AT_ONCE:
                    found.objects += await self._without_row(folder, batch)
                    batch = []
            found.objects += await self._without_row(folder, batch)
        found.doubt = await self._doubt(found)
        return found

    async def delete(self) -> Orphans:
        """Delete what has no row, unless there is a doubt; returns what was found. StorageError."""
        await self._store.put(f"{OWNERS}/{await self._identity()}", _nothing())
        found = await self.find()
        if found.doubt and found.objects:
            log.warning("objects without a row are kept", objects=len(found.objects), reason=found.doubt)
        elif found.objects:
            deleted = sum([await self._delete(item) for item in found.objects])
            log.info("objects without a row deleted", objects=deleted, bytes=found.size)
        return found

    async def _without_row(self, folder: str, items: Sequence[ListedObject]) -> list[ListedObject]:
        """Those of the items whose row is missing; a name that is no id is not ours to judge."""
        owners = {item.key: owner for item in items if (owner := _owner(item.key)) is not None}
        if not owners:
            return []
        rows = await self._pool.fetch(_ROWS[folder], list(set(owners.values())))
        there = {row["id"] for row in rows}
        return [item for item in items if item.key in owners and owners[item.key] not in there]

    async def _doubt(self, found: Orphans) -> str | None:
        owners = {item.key.removeprefix(f"{OWNERS}/") async for item in self._store.listing(OWNERS)}
        others = owners - {await self._identity()}
        if others:
            return (
                f"another database has swept this store ({', '.join(sorted(others))}), and its objects look like "
                "orphans from here"
            )
        if len(found.objects) > max(_FEW, found.seen // 2):
            return f"{len(found.objects)} of {found.seen} objects have no row, as if the database had lost its own"
        return None

    async def _identity(self) -> str:
        return str(await self._pool.fetchval(_IDENTITY))

    async def _delete(self, item: ListedObject) -> int:
        """Delete one, unless somebody has written it anew since it was listed."""
        async for now in self._store.listing(item.key):
            if now == item:
                return await self._store.delete_prefix(item.key)
        return 0


def _owner(key: str) -> UUID | None:
    """The session's or the upload's id in a key: `sessions/<id>/...`."""
    _, _, rest = key.partition("/")
    name, slash, _ = rest.partition("/")
    try:
        return UUID(name) if slash else None
    except ValueError:
        return None


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
