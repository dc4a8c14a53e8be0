"""What the sweep erases: what is past its time, with its objects, and nothing else; and what it indexes."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.database import Pool, open_pool, transaction
from shared.errors import NotFoundError, StorageError
from shared.ids import new_id
from shared.jobs.dispatch import Dispatcher
from shared.jobs.repository import JobRepository
from shared.queue.client import RedisJobQueue, connect
from shared.records import SessionRecord
from shared.sessions import SessionRepository
from shared.settings import WorkerSettings
from shared.storage.disk import DiskStore
from shared.tenants import DEFAULT_TENANT
from shared.uploads import StoredPart, UploadRecord, UploadRepository
from tests.fixtures.locks import until_waiting
from tests.fixtures.rows import a_session, put_bytes, sign_on, stored_job
from worker_service.services import open_services
from worker_service.upkeep.sweep import Sweep

NOW = datetime.now(UTC)


@dataclass
class Stores:
    """The stores of one test, and the sweep over them."""

    pool: Pool
    objects: "Stubborn"
    sweep: Sweep

    async def keys(self) -> list[str]:
        return sorted(
            [item.key for folder in ("sessions", "uploads") async for item in self.objects.listing(folder)]
        )


@pytest.fixture
async def stores(
    database_url: str, redis_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stores]:
    """The parameter, if there is one: for how many days the audit trail is kept."""
    queue = RedisJobQueue(connect(redis_url, queue="transcripts"), "transcripts")
    objects = Stubborn(tmp_path / "objects")

    async def always(_: float) -> bool:
        return True

    async with await open_pool(database_url, size=5, name="test") as pool:
        dispatcher = Dispatcher(pool, queue, tenant_limit=None)
        sweep = Sweep(
            pool=pool,
            queue=queue,
            dispatcher=dispatcher,
            store=objects,
            take_turn=always,
            every_s=15,
            dead_after_s=16,
            audit_days=getattr(request, "param", None),
        )
        yield Stores(pool, objects, sweep)
    await queue.aclose()


async def an_upload(stores: Stores) -> UploadRecord:
    """An upload of which a part is stored."""
    upload = UploadRecord(
        id=new_id(), tenant_id=DEFAULT_TENANT, size=10, received=0, crc32c=0, filename=None, media_type=None,
        expected_crc32c=None, upload_metadata=None, session_id=None, expires_at=NOW + timedelta(hours=1),
        created_at=NOW,
    )  # fmt: skip
    uploads = UploadRepository(stores.pool)
    await uploads.create(upload)
    key = f"{upload.prefix}/parts/0"
    await put_bytes(stores.objects, key, b"12345")
    assert await uploads.add(upload.id, [StoredPart(0, 5, key, 1)], kept_for=timedelta(hours=1))
    return upload


async def test_a_session_is_erased_when_it_said_so(stores: Stores) -> None:
    over = a_session(delete_after=NOW - timedelta(seconds=1))
    later = a_session(delete_after=NOW + timedelta(hours=1))
    kept = a_session()
    for session in (over, later, kept):
        await stored_job(stores.pool, session=session)
        await put_bytes(stores.objects, session.audio_key, b"x")
    await stores.sweep.once()
    assert await stores.keys() == sorted([later.audio_key, kept.audio_key])
    left = await stores.pool.fetch("SELECT id FROM session")
    assert {row["id"] for row in left} == {later.id, kept.id}


class Stubborn(DiskStore):
    """Refuses to delete some folders, and stops at another until it is told to go on."""

    refused: tuple[str, ...] = ()
    held = "nothing"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def delete_prefix(self, prefix: str) -> int:
        if any(name in prefix for name in self.refused):
            raise StorageError("A retention policy holds the object.")
        if self.held in prefix:
            self.reached.set()
            await self.go_on.wait()
        return await super().delete_prefix(prefix)


async def test_one_that_cannot_be_erased_keeps_nobody_else_s_and_is_tried_again(stores: Stores) -> None:
    bad, good = (a_session(delete_after=NOW - timedelta(seconds=n)) for n in (9, 1))
    for session in (bad, good):
        await stored_job(stores.pool, session=session)
        await put_bytes(stores.objects, session.audio_key, b"x")
    bad_upload, _ = await an_upload(stores), await an_upload(stores)
    await stores.pool.execute("UPDATE upload SET expires_at = now() - interval '1 s'")
    stores.objects.refused = (str(bad.id), str(bad_upload.id))
    await stores.sweep.once()
    assert await stores.keys() == sorted([bad.audio_key, f"{bad_upload.prefix}/parts/0"])
    # Their rows are what leads the next sweep to them.
    assert [row["id"] for row in await stores.pool.fetch("SELECT id FROM session")] == [bad.id]
    assert [row["id"] for row in await stores.pool.fetch("SELECT id FROM upload")] == [bad_upload.id]
    stores.objects.refused = ()
    await stores.sweep.once()
    assert await stores.keys() == []
    assert await stores.pool.fetchval("SELECT count(*) FROM session") == 0


async def test_who_keeps_a_session_keeps_it_whole_or_is_told_that_it_is_gone(stores: Stores) -> None:
    """Its time is looked at again when its turn comes, and from then on nobody changes it."""
    first, second = (a_session(delete_after=NOW - timedelta(seconds=n)) for n in (9, 1))
    for session in (first, second):
        await stored_job(stores.pool, session=session)
        await put_bytes(stores.objects, session.audio_key, b"x")
    sessions = SessionRepository(stores.pool)

    async def keep(session: SessionRecord) -> SessionRecord:
        return await sessions.patch(session.id, session.tenant_id, delete_after=(None,))

    stores.objects.held = str(first.id)
    sweep = asyncio.create_task(stores.sweep.once())
    await stores.objects.reached.wait()
    await keep(second)
    too_late = asyncio.create_task(keep(first))
    await until_waiting(stores.pool)
    stores.objects.go_on.set()
    await sweep
    with pytest.raises(NotFoundError):
        await too_late
    assert await stores.keys() == [second.audio_key]
    assert [row["id"] for row in await stores.pool.fetch("SELECT id FROM session")] == [second.id]


async def test_uploads_that_nobody_finished_are_erased(stores: Stores) -> None:
    over, going_on = await an_upload(stores), await an_upload(stores)
    await stores.pool.execute("UPDATE upload SET expires_at = now() - interval '1 s' WHERE id = $1", over.id)
    await stores.sweep.once()
    assert await stores.keys() == [f"{going_on.prefix}/parts/0"]
    assert [row["id"] for row in await stores.pool.fetch("SELECT id FROM upload")] == [going_on.id]
    assert [row["upload_id"] for row in await stores.pool.fetch("SELECT upload_id FROM upload_part")] == [
        going_on.id
    ]


async def test_segments_that_an_older_version_wrote_become_searchable(stores: Stores) -> None:
    job = await stored_job(stores.pool)
    await stores.pool.execute(
        "INSERT INTO transcript_segment (session_id, n, start_ms, end_ms, content) VALUES ($1, 0, 0, 9, 'So.')",
        job.session_id,
    )
    await stores.sweep.once()
    assert await stores.pool.fetchval("SELECT search @@ 'so'::tsquery FROM transcript_segment")


async def test_what_a_killed_writer_left_is_erased_after_a_day(stores: Stores, tmp_path: Path) -> None:
    """Half a recording of somebody's, which no row names and nobody will finish."""
    aside = tmp_path / "objects" / ".incoming"
    for name, age in (("old", timedelta(days=2)), ("new", timedelta(hours=2))):
        (aside / name).write_bytes(b"half")
        at = (NOW - age).timestamp()
        os.utime(aside / name, (at, at))
    await stores.sweep.once()
    assert [path.name for path in aside.iterdir()] == ["new"]


async def flushed(redis_url: str) -> None:
    redis = connect(redis_url)
    await redis.flushall()
    await redis.aclose(close_connection_pool=True)


async def test_what_was_rung_for_just_now_is_not_rung_for_again(stores: Stores, redis_url: str) -> None:
    """F11: it may be waiting its turn; some time later it is forgotten."""
    await sign_on(stores.pool)
    await stored_job(stores.pool)
    assert await stores.sweep.once() == 1
    await flushed(redis_url)
    assert await stores.sweep.once() == 0
    await stores.pool.execute("UPDATE job SET rung_at = now() - interval '6 seconds'")
    assert await stores.sweep.once() == 1


async def test_what_waits_for_its_time_is_rung_for_when_that_has_come(stores: Stores, redis_url: str) -> None:
    """F8, F11: Redis forgot when a job is due, Postgres did not."""
    await sign_on(stores.pool)
    job = await stored_job(stores.pool)
    await stores.sweep.once()
    run = await JobRepository(stores.pool).claim(job.id, "test-worker")
    assert run is not None
    await JobRepository(stores.pool).retry_later(job.id, run.attempt, StorageError(), timedelta(hours=1))
    await flushed(redis_url)
    await stores.pool.execute("UPDATE job SET rung_at = now() - interval '6 seconds'")
    assert await stores.sweep.once() == 0
    await stores.pool.execute("UPDATE job SET next_attempt_at = now() - interval '1 second'")
    assert await stores.sweep.once() == 1


AUDITED = (
    "INSERT INTO audit_event (id, at, tenant_id, actor, action, path) VALUES ($1, $2, 't', 'a', 'x', '/')"
)


async def audited(pool: Pool, *days_ago: int) -> None:
    for days in days_ago:
        await pool.execute(AUDITED, new_id(), NOW - timedelta(days=days))


async def ages(pool: Pool) -> list[int]:
    return [(NOW - row["at"]).days for row in await pool.fetch("SELECT at FROM audit_event ORDER BY at")]


@pytest.mark.parametrize(
    ("stores", "left"), [(None, [400, 91, 89, 0]), (90, [89, 0]), (30, [0])], indirect=["stores"]
)
async def test_the_audit_trail_is_kept_for_its_time(stores: Stores, left: list[int]) -> None:
    await audited(stores.pool, 400, 91, 89, 0)
    await stores.sweep.once()
    assert await ages(stores.pool) == left


async def test_a_worker_keeps_the_audit_trail_as_its_settings_say(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """F37."""
    given: dict[str, Any] = {
        "_env_file": None,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": tmp_path.as_uri(),
        "TRANSCRIPTS_ENGINES": "scripted",
        "TRANSCRIPTS_AUDIT_DAYS": 90,
    }
    async with (
        await open_pool(database_url, size=2, name="test") as pool,
        open_services(WorkerSettings(**given)) as services,
    ):
        await audited(pool, 400, 89)
        loops = [asyncio.create_task(loop()) for loop in services.loops]
        while await ages(pool) != [89]:
            await asyncio.sleep(0.01)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def test_nothing_of_the_last_thirty_days_leaves_the_audit_trail(stores: Stores) -> None:
    await audited(stores.pool, 40, 29)
    with pytest.raises(asyncpg.RaiseError, match="30 days at least"):
        await stores.pool.execute("SELECT prune_audit(29, 1000)")
    async with transaction(stores.pool) as connection:
        await connection.execute("SET LOCAL transcripts.prune_audit = 'on'")
        with pytest.raises(asyncpg.RaiseError, match="never changed"):
            await connection.execute("DELETE FROM audit_event")
    assert await ages(stores.pool) == [40, 29]
    assert await stores.pool.fetchval("SELECT prune_audit(30, 1000)") == 1
    with pytest.raises(asyncpg.RaiseError, match="never changed"):
        await stores.pool.execute("DELETE FROM audit_event")
