"""Objects whose session or upload has no row: what is left where a process died between the two stores.

A recording is stored before its row is committed; a process may die between the two. An object that is older than the
grace period and has no row is nobody's. It is deleted only where that is beyond doubt: this database, and no copy of
it, holds the store (`shared.store_claims`), and what would go is not most of what is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from shared.database import Pool
from shared.observation.logs import get_logger
from shared.ports import ListedObject, ObjectStore
from shared.store_claims import Claim, StoreClaims

log = get_logger(__name__)

_FEW: Final = 10
_AT_ONCE: Final = 500
_ROWS: Final = {
    "sessions": "SELECT id FROM session WHERE id = ANY($1)",
    "uploads": "SELECT id FROM upload WHERE id = ANY($1)",
}


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
        self._claims = StoreClaims(pool, store)

    async def find(self) -> Orphans:
        """Look at every object; deletes nothing. StorageError."""
        found = await self._find(datetime.now(UTC) - self._grace)
        found.doubt = _doubt(found, await self._claims.look())
        return found

    async def delete(self) -> Orphans:
        """Delete what has no row, unless there is a doubt; returns what was found. StorageError.

        Only what was there when the store was last seen to be ours: whoever shows the same claim as we do has the
        rows of all that. What came later is left to the next sweep.
        """
        claim = await self._claims.hand_on()
        now = datetime.now(UTC)
        found = await self._find(min(now, claim.held_at or now) - self._grace)
        found.doubt = _doubt(found, claim)
        if found.doubt is None and claim.held_at is None:
            found.doubt = "this database has only just claimed this store"
        if found.doubt and found.objects:
            log.warning("objects without a row are kept", objects=len(found.objects), reason=found.doubt)
        elif found.objects:
            deleted = sum([await self._delete(item) for item in found.objects])
            log.info("objects without a row deleted", objects=deleted, bytes=found.size)
        return found

    async def _find(self, before: datetime) -> Orphans:
        found = Orphans()
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
        return found

    async def _without_row(self, folder: str, items: Sequence[ListedObject]) -> list[ListedObject]:
        """Those of the items whose row is missing; a name that is no id is not ours to judge."""
        owners = {item.key: owner for item in items if (owner := _owner(item.key)) is not None}
        if not owners:
            return []
        rows = await self._pool.fetch(_ROWS[folder], list(set(owners.values())))
        there = {row["id"] for row in rows}
        return [item for item in items if item.key in owners and owners[item.key] not in there]

    async def _delete(self, item: ListedObject) -> int:
        """Delete one, unless somebody has written it anew since it was listed."""
        async for now in self._store.listing(item.key):
            if now == item:
                return await self._store.delete_prefix(item.key)
        return 0


def _doubt(found: Orphans, claim: Claim) -> str | None:
    if claim.others:
        others = ", ".join(sorted(claim.others))
        return (
            f"another database, or a copy of this one, claims this store ({others}; this one is {claim.mine}), and its "
            "objects look like orphans from here"
        )
    if len(found.objects) > max(_FEW, found.seen // 2):
        return (
            f"{len(found.objects)} of {found.seen} objects have no row, as if the database had lost its own"
        )
    return None


def _owner(key: str) -> UUID | None:
    """The session's or the upload's id in a key: `sessions/<id>/...`."""
    _, _, rest = key.partition("/")
    name, slash, _ = rest.partition("/")
    try:
        return UUID(name) if slash else None
    except ValueError:
        return None
