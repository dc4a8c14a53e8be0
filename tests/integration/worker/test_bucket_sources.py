"""Recordings in listed buckets, on the fake of Google: read once, in one generation, within bounds, checked."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.database import open_pool
from shared.errors import (
    SourceRefusedError,
    SourceUnavailableError,
    TooLargeError,
    TranscriptsError,
    UnsupportedMediaError,
)
from shared.jobs.dispatch import Dispatcher
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus
from shared.queue.client import RedisJobQueue, connect
from shared.sessions import SessionRepository
from shared.storage.disk import DiskStore
from shared.storage.gcs import GcsStore
from shared.storage.gcs_http import CloudStorage
from shared.storage.google_identity import Anonymous
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.audio import tone_wav
from tests.fixtures.rows import a_session, put_bytes, stored_job
from tests.fixtures.worker_process import a_worker
from worker_service.sources.bucket_reading import BucketReader
from worker_service.sources.fetching import Fetcher, FetchLimits

pytest_plugins = ("tests.fakes.google.fixtures",)

WAV = tone_wav(0.5) + os.urandom(700_000)
KEY, NAME = "sessions/1/source", "calls of May/會談 1.wav"
URI = f"gs://recordings/{NAME}"


@pytest.fixture
async def cloud(google: FakeGoogle) -> AsyncIterator[CloudStorage]:
    cloud = CloudStorage(Anonymous(), endpoint=google.storage_url, wait_s=0.001)
    yield cloud
    await cloud.aclose()


@pytest.fixture
async def theirs(cloud: CloudStorage) -> GcsStore:
    """The bucket that recordings are read from, with one in it."""
    store = GcsStore(cloud, "recordings")
    await put_bytes(store, NAME, WAV)
    return store


@pytest.fixture
def ours(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "objects")


def fetcher(cloud: CloudStorage, ours: DiskStore, **limits: Any) -> Fetcher:
    bounds = FetchLimits(**{"max_bytes": 10**7, "max_s": 20.0, **limits})
    return Fetcher(ours, bounds, buckets=BucketReader(cloud, ["recordings"]))


async def refusal(reading: Fetcher, ours: DiskStore, uri: str = URI) -> TranscriptsError:
    """What a fetch is refused with; nothing is stored."""
    with pytest.raises(TranscriptsError) as refused:
        await reading.fetch(uri, KEY)
    assert await ours.size(KEY) is None
    return refused.value


async def test_an_object_is_stored_whole_whatever_breaks_on_the_way(
    google: FakeGoogle, cloud: CloudStorage, theirs: GcsStore, ours: DiskStore
) -> None:
    google.fault("storage.read", do="cut", size=300_000, times=2)
    google.fault("storage.read", code=503, skip=1)
    stored, container = await fetcher(cloud, ours).fetch(URI, KEY)
    assert (stored.size, stored.sha256, container.name) == (len(WAV), hashlib.sha256(WAV).hexdigest(), "wav")
    assert google.objects("recordings") == [NAME], "theirs is left as it is"


async def test_what_is_damaged_or_away_is_tried_again(
    google: FakeGoogle, cloud: CloudStorage, theirs: GcsStore, ours: DiskStore
) -> None:
    """CRC32C: what is stored is what the bucket has, or nothing."""
    google.fault("storage.read", do="cut", size=300_000)
    google.fault("storage.read", do="damage")
    damaged = await refusal(fetcher(cloud, ours), ours)
    assert isinstance(damaged, SourceUnavailableError)
    assert "damaged" in damaged.detail
    google.clear_faults()
    google.fault("storage.read", code=503, times=-1)
    assert isinstance(await refusal(fetcher(cloud, ours), ours), SourceUnavailableError)


async def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed_with_its_successor(
    google: FakeGoogle, cloud: CloudStorage, theirs: GcsStore, ours: DiskStore
) -> None:
    """The generation is pinned before the first byte."""
    body = BucketReader(cloud, ["recordings"]).body(URI, 10**7)
    google.fault("storage.read", do="cut", size=300_000)
    first = await anext(body)
    assert WAV.startswith(first)
    await put_bytes(theirs, NAME, bytes(len(WAV)))
    with pytest.raises(SourceRefusedError, match="replaced"):
        async for _ in body:
            pass


async def test_what_may_not_be_taken_is_refused(
    google: FakeGoogle, cloud: CloudStorage, theirs: GcsStore, ours: DiskStore
) -> None:
    """F23, F33: by its size before it is read, by its first bytes, by its bucket."""
    calls = google.calls().get("storage.read", {}).get("200", 0)
    assert isinstance(await refusal(fetcher(cloud, ours, max_bytes=1_000), ours), TooLargeError)
    await put_bytes(theirs, "page.wav", b"<html>no sound</html>")
    page = await refusal(fetcher(cloud, ours), ours, "gs://recordings/page.wav")
    assert isinstance(page, UnsupportedMediaError)
    google.bucket("private")
    for uri in ("gs://private/a.wav", "gs://recordings/none.wav", "gs://recordings/folder/"):
        assert isinstance(await refusal(fetcher(cloud, ours), ours, uri), SourceRefusedError), uri
    off = Fetcher(ours, FetchLimits(10**7, 20.0))
    assert "TRANSCRIPTS_INGEST_BUCKETS" in (await refusal(off, ours)).detail
    assert google.calls()["storage.read"]["200"] == calls + 1, "of the page alone a byte was read"


async def test_a_bucket_that_does_not_let_us_in_is_named_with_the_role(
    google: FakeGoogle, cloud: CloudStorage, theirs: GcsStore, ours: DiskStore
) -> None:
    google.fault("storage.get", code=403)
    refused = await refusal(fetcher(cloud, ours), ours)
    assert isinstance(refused, SourceRefusedError)
    assert "roles/storage.objectViewer" in refused.detail


async def test_a_job_runs_on_an_object(
    google: FakeGoogle, theirs: GcsStore, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """F37: TRANSCRIPTS_INGEST_BUCKETS, as a worker reads it."""
    await put_bytes(theirs, "plain.wav", tone_wav(1.0))
    settings = {
        "TRANSCRIPTS_INGEST_BUCKETS": "others, recordings",
        "TRANSCRIPTS_GCS_ENDPOINT": google.storage_url,
    }
    queue = RedisJobQueue(connect(redis_url))
    async with (
        await open_pool(database_url, size=2, name="test") as pool,
        a_worker(tmp_path / "w.log", database_url, redis_url, tmp_path / "objects", **settings),
    ):
        session = a_session(
            audio_source="gs://recordings/plain.wav", audio_container=None, audio_size=None, audio_sha256=None
        )
        job = await stored_job(pool, session=session)
        await Dispatcher(pool, queue).dispatch()
        while not (now := await JobRepository(pool).get(job.id, job.tenant_id)).terminal:
            await asyncio.sleep(0.05)
        assert now.status is JobStatus.SUCCEEDED, now.error
        kept = await SessionRepository(pool).get(session.id, session.tenant_id)
        assert (kept.audio_source, kept.audio_container) == (None, "wav")
    await queue.aclose()
