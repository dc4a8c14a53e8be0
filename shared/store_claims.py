"""Whose an object store is: a claim that a copy of the database cannot go on showing.

A snapshot that was restored elsewhere, or a clone, believes whatever its original believes. So the claim is handed on
at every sweep: the database takes a new id and leaves it under `owners/` in the place of the one before. From then on
every copy that was made earlier shows an id that is not there any more.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.database import Pool
from shared.ids import new_id
from shared.ports import ObjectStore
from shared.records import Row

OWNERS: Final = "owners"
"""Under it lies one empty object for every database that claims this store."""

_MAKE: Final = "INSERT INTO store_claim (id) VALUES ($1) ON CONFLICT (alone) DO NOTHING"
# `earlier`: what versions before there were claims have left there.
_ROW: Final = """
SELECT c.id, c.previous, c.held_at, format('%s-%s', system_identifier, d.oid) AS earlier
FROM pg_control_system(), pg_database d LEFT JOIN store_claim c ON true WHERE d.datname = current_database()
"""
_HAND_ON: Final = """
UPDATE store_claim SET id = $2, previous = id, held_at = now() WHERE id = $1 RETURNING true
"""
_HOLD: Final = "UPDATE store_claim SET held_at = now() WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Claim:
    """How things stood when it was looked at.

    `others` claim the store as well. `held_at` is when this database was last seen to be the one that holds it: all
    that it had committed by then, every copy that still shows the same claim has too. None: it was not the one.
    """

    mine: str
    others: frozenset[str]
    held_at: datetime | None


class StoreClaims:
    """The claim of this database to its store."""

    def __init__(self, pool: Pool, store: ObjectStore) -> None:
        self._pool = pool
        self._store = store

    async def look(self) -> Claim:
        """The claim as it stands; nothing is claimed. StorageError."""
        owners, row = await self._read()
        return _claim(owners, row)

    async def hand_on(self) -> Claim:
        """The claim as it stood; from now on it is shown by another id. StorageError.

        Where others claim the store, what is left there for them is unknown to all of them: each sees that it is not
        alone, also one that knows all of our earlier ids.
        """
        await self._pool.execute(_MAKE, new_id())
        owners, row = await self._read()
        claim = _claim(owners, row)
        mine, old = str(row["id"]), row["id"]
        if mine in owners and claim.others:
            return claim
        if mine in owners or claim.others:
            new = new_id()
            if not await self._pool.fetchval(_HAND_ON, old, new):
                return Claim(mine, claim.others, None)  # another worker of ours does it this moment
            mine = str(new)
        else:
            await self._pool.execute(_HOLD, old)
        await self._store.put(f"{OWNERS}/{mine}", _nothing())
        for name in owners - claim.others - {mine}:
            await self._store.delete_prefix(f"{OWNERS}/{name}")
        return claim

    async def _read(self) -> tuple[frozenset[str], Row]:
        # The store first: what another worker of ours has put there since is in the row by then.
        owners = frozenset(
            [item.key.removeprefix(f"{OWNERS}/") async for item in self._store.listing(OWNERS)]
        )
        row = await self._pool.fetchrow(_ROW)
        assert row is not None  # this database is there
        return owners, row


def _claim(owners: frozenset[str], row: Row) -> Claim:
    mine = str(row["id"])
    others = owners - {mine, str(row["previous"]), row["earlier"]}
    return Claim(mine, others, row["held_at"] if mine in owners and not others else None)


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
