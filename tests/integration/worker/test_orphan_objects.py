"""Objects without a row: which are found, which are deleted, and when everything is kept; on a disk and in a bucket."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.database import Pool, open_pool
from shared.ids import new_id
from shared.orphan_objects import OrphanObjects, Orphans
from shared.ports import ListedObject, ObjectStore
from shared.settings import WorkerSettings
from shared.storage import open_store
from shared.store_claims import OWNERS
from shared.tenants import DEFAULT_TENANT
from shared.uploads import UploadRecord, UploadRepository
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.rows import a_session, put_bytes, stored_job
from worker_service.services import open_services
from worker_service.upkeep.orphan_sweep import EVERY_S, sweep_orphans

pytest_plugins = ("tests.fakes.google.fixtures",)

AT_ONCE, A_DAY = timedelta(seconds=-60), timedelta(days=1)  # a negative grace: everything is old enough


@dataclass
class Site:
    """A store, its database, and what is in it."""

    pool: Pool
    store: ObjectStore

    def orphans(self, grace: timedelta = AT_ONCE) -> OrphanObjects:
        return OrphanObjects(self.pool, self.store, grace=grace)

    async def sweep(self) -> Orphans:
        """With no grace at all."""
        return await self.orphans(timedelta()).delete()

    async def keys(self) -> set[str]:
        folders = ("sessions", "uploads")
        return {item.key for folder in folders async for item in self.store.listing(folder)}

    async def put(self, *keys: str) -> None:
        for key in keys:
            await put_bytes(self.store, key, b"12345")

    async def recording(self) -> str:
        """The object of a session that has a row."""
        session = a_session()
        await stored_job(self.pool, session=session)
        await self.put(session.audio_key)
        return session.audio_key


@pytest.fixture(params=["disk", "bucket"])
async def site(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    if request.param == "disk":
        store = open_store((tmp_path / "objects").as_uri())
    else:
        google: FakeGoogle = request.getfixturevalue("google")
        store = open_store("gs://recordings/ours", gcs_endpoint=google.storage_url, scratch_dir=tmp_path)
    async with await open_pool(database_url, size=2, name="test") as pool:
        found = Site(pool, store)
        await found.orphans().delete()  # the first sweep claims the store, and deletes nothing
        yield found
    await store.aclose()


async def test_what_no_row_names_is_deleted_and_nothing_else(site: Site) -> None:
    """F2, the other way round: stored, and never committed."""
    now = datetime.now(UTC)
    upload = UploadRecord(
        id=new_id(), tenant_id=DEFAULT_TENANT, size=10, received=0, crc32c=0, filename=None, media_type=None,
        expected_crc32c=None, upload_metadata=None, session_id=None, expires_at=now + A_DAY, created_at=now,
    )  # fmt: skip
    await UploadRepository(site.pool).create(upload)
    under_way = f"{upload.prefix}/parts/000000000000000-{new_id()}"  # stored, and not yet committed
    kept = {
        await site.recording(),
        await site.recording(),
        under_way,
        "sessions/no-id/source",
        "sessions/odd",
    }
    orphans = {
        f"sessions/{new_id()}/source",
        f"sessions/{new_id()}/again-2/source",
        f"uploads/{new_id()}/whole",
    }
    await site.put(*orphans, *(kept - {key for key in kept if await site.store.size(key)}))
    found = await site.orphans().find()
    assert {item.key for item in found.objects} == orphans
    assert (found.seen, found.size, found.doubt) == (len(kept | orphans), 15, None)
    assert await site.keys() == kept | orphans, "looking deletes nothing"
    await site.orphans().delete()
    assert await site.keys() == kept


async def test_what_is_young_may_still_get_its_row(site: Site) -> None:
    young = f"sessions/{new_id()}/source"
    await site.put(young)
    assert (await site.orphans(A_DAY).delete()).objects == []
    assert await site.keys() == {young}


async def test_a_recording_that_is_being_written_is_nobody_s_orphan(site: Site) -> None:
    """F41: an upload goes on, however long it takes, while the sweep comes by."""
    key, half, go_on = f"sessions/{new_id()}/source", asyncio.Event(), asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        half.set()
        await go_on.wait()
        yield b"y" * 2_000_000

    upload = asyncio.create_task(site.store.put(key, chunks()))
    await half.wait()
    await site.orphans().delete()
    go_on.set()
    assert (await upload).size == 4_000_000
    assert await site.store.size(key) == 4_000_000


async def test_what_was_written_anew_since_it_was_listed_stays(site: Site) -> None:
    key = f"sessions/{new_id()}/source"
    await site.put(key)

    class Seen(OrphanObjects):
        async def _without_row(self, *given: object) -> list[ListedObject]:
            found = await super()._without_row(*given)  # type: ignore[arg-type]
            return [replace(item, written_at=item.written_at - A_DAY) for item in found]

    await Seen(site.pool, site.store, grace=AT_ONCE).delete()
    assert await site.keys() == {key}


async def test_a_store_that_another_database_sweeps_is_left_alone(site: Site) -> None:
    orphan = f"sessions/{new_id()}/source"
    await site.put(orphan, f"{OWNERS}/7312-5")
    for _ in range(2):
        found = await site.orphans().delete()
        assert found.doubt is not None
        assert "7312-5" in found.doubt
    assert await site.keys() == {orphan}
    await site.store.delete_prefix(f"{OWNERS}/7312-5")
    await site.orphans().delete()
    assert await site.keys() == set()


@asynccontextmanager
async def a_copy(site: Site, database_url: str) -> AsyncIterator[Site]:
    """A copy of the site's database as it is now, which believes that the store is its own."""
    server, _, name = database_url.rpartition("/")
    await site.pool.expire_connections()
    connection = await asyncpg.connect(f"{server}/postgres")
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    await connection.execute(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"')
    try:
        async with await open_pool(f"{server}/{name}_copy", size=2, name="test") as pool:
            yield Site(pool, site.store)
        await connection.execute(f'DROP DATABASE "{name}_copy" WITH (FORCE)')
    finally:
        await connection.close()


@pytest.mark.parametrize("first", ["the original", "the copy"])
async def test_a_copy_of_the_database_deletes_nothing_of_the_original_s(
    site: Site, database_url: str, first: str
) -> None:
    """F2: a snapshot that was restored beside production, or a clone for staging, with production's store set."""
    old = await site.recording()
    await site.sweep()
    async with a_copy(site, database_url) as copy:
        both = [site, copy] if first == "the original" else [copy, site]
        new = await site.recording()  # of which the copy has no row
        doubts = []
        for _ in range(3):
            doubts += [(await each.sweep()).doubt for each in both]
        assert await site.keys() == {old, new}
        assert doubts[0] is None, "nobody can know yet"
        assert all(doubt and "a copy of this one" in doubt for doubt in doubts[1:])
        # The owner gives the copy another store, and takes away its claim.
        mine = await site.pool.fetchval("SELECT id::text FROM store_claim")
        for owner in [item.key async for item in site.store.listing(OWNERS)]:
            if owner != f"{OWNERS}/{mine}":
                await site.store.delete_prefix(owner)
        await site.pool.execute("DELETE FROM session WHERE audio_key = $1", old)
        await site.sweep()
        assert await site.keys() == {new}


async def test_what_is_younger_than_the_claim_is_left_to_the_next_sweep(site: Site) -> None:
    """A copy that was made since then might be the one that asks."""
    await site.pool.execute("UPDATE store_claim SET held_at = now() - interval '1 minute'")
    orphan = f"sessions/{new_id()}/source"
    await site.put(orphan)
    assert (await site.sweep()).objects == []
    await site.sweep()
    assert await site.keys() == set()


async def test_a_sweep_that_dies_while_it_hands_the_claim_on_is_followed_by_another(site: Site) -> None:
    orphan = f"sessions/{new_id()}/source"
    await site.put(orphan)
    await site.pool.execute("UPDATE store_claim SET previous = id, id = gen_random_uuid(), held_at = now()")
    found = await site.orphans().delete()
    assert found.doubt == "this database has only just claimed this store"
    assert await site.keys() == {orphan}
    await site.orphans().delete()
    assert await site.keys() == set()


async def test_a_store_that_an_earlier_version_swept_is_taken_over(site: Site) -> None:
    earlier = await site.pool.fetchval(
        "SELECT format('%s-%s', system_identifier, oid) FROM pg_control_system(), pg_database"
        " WHERE datname = current_database()"
    )
    await site.store.delete_prefix(OWNERS)
    await site.put(f"{OWNERS}/{earlier}", orphan := f"sessions/{new_id()}/source")
    for _ in range(2):
        await site.orphans().delete()
    assert await site.store.size(orphan) is None
    assert [item.key async for item in site.store.listing(OWNERS)] == [
        f"{OWNERS}/{await site.pool.fetchval('SELECT id FROM store_claim')}"
    ]


async def test_a_database_that_has_lost_its_rows_loses_no_recordings(site: Site) -> None:
    """A backup that was too old, or a table that somebody emptied."""
    lost = {f"sessions/{new_id()}/source" for _ in range(11)}
    await site.put(*lost)
    found = await site.orphans().delete()
    assert found.doubt == "11 of 11 objects have no row, as if the database had lost its own"
    assert await site.keys() == lost


async def test_a_store_that_fails_is_swept_at_the_next_turn(database_url: str, tmp_path: Path) -> None:
    """Of all workers the one whose turn it is sweeps."""
    store, asked, turns = open_store((tmp_path / "objects").as_uri()), list[float](), asyncio.Queue[bool]()
    orphan = f"sessions/{new_id()}/source"
    await put_bytes(store, orphan, b"x")

    async def take_turn(seconds: float) -> bool:
        asked.append(seconds)
        return await turns.get()

    async with await open_pool(database_url, size=2, name="test") as pool:
        orphans = OrphanObjects(pool, store, grace=AT_ONCE)
        loop = asyncio.create_task(sweep_orphans(orphans, take_turn, ask_s=0))
        (tmp_path / "objects" / OWNERS).write_text("no folder")
        for turn in (True, False):
            turns.put_nowait(turn)
        while len(asked) < 3:
            await asyncio.sleep(0.01)
        assert await store.size(orphan) == 1
        (tmp_path / "objects" / OWNERS).unlink()
        for turn in (True, True):  # the first claims the store
            turns.put_nowait(turn)
        while len(asked) < 5:
            await asyncio.sleep(0.01)
        assert await store.size(orphan) is None
        loop.cancel()
    assert set(asked) == {EVERY_S}


async def test_a_worker_sweeps_when_it_starts(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """F37: with the grace of its settings."""
    objects = tmp_path / "objects"
    old, young = (objects / "sessions" / str(new_id()) / "source" for _ in range(2))
    for path, age_s in ((old, 7_200), (young, 1_800)):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
        os.utime(path, times=(time.time() - age_s,) * 2)
    given: dict[str, Any] = {
        "_env_file": None,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": objects.as_uri(),
        "TRANSCRIPTS_ENGINES": "scripted",
        "TRANSCRIPTS_ORPHAN_HOURS": 1,
    }
    async with await open_pool(database_url, size=1, name="test") as pool:
        store = open_store(objects.as_uri())
        await OrphanObjects(pool, store, grace=A_DAY).delete()
        await store.aclose()
    async with open_services(WorkerSettings(**given)) as services:
        loops = [asyncio.create_task(loop()) for loop in services.loops]
        while old.exists():
            await asyncio.sleep(0.01)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    assert young.exists()
