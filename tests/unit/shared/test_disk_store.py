"""The disk store: whole or absent, never outside its folder."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.errors import ObjectMissingError, SetupError
from shared.storage import open_store
from shared.storage.disk import DiskStore

KEY = "sessions/1/source"


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "objects")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def content(store: DiskStore, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([block async for block in store.read(key, start, length)])


def files(store_folder: Path) -> list[Path]:
    return [path for path in store_folder.rglob("*") if path.is_file()]


async def test_what_is_put_comes_back_with_its_hash(store: DiskStore) -> None:
    data = bytes(range(256)) * 10_000
    stored = await store.put(KEY, chunks(data[:7], data[7:1_500_000], data[1_500_000:]))
    assert (stored.size, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert await content(store, KEY) == data
    assert await content(store, KEY, 100, 50) == data[100:150]
    assert await content(store, KEY, len(data) - 5) == data[-5:]
    assert await store.size(KEY) == len(data)
    async with store.local_file(KEY) as path:
        assert path.read_bytes() == data


async def test_a_stream_that_breaks_leaves_nothing(store: DiskStore, tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.put(KEY, breaks())
    assert files(tmp_path) == []


async def test_a_cancel_leaves_nothing(store: DiskStore, tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def hangs() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put(KEY, hangs()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(tmp_path) == []


async def test_the_old_object_stands_until_the_new_one_is_whole(store: DiskStore) -> None:
    await store.put(KEY, chunks(b"old"))

    async def breaks() -> AsyncIterator[bytes]:
        yield b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.put(KEY, breaks())
    assert await content(store, KEY) == b"old"


async def test_missing_objects(store: DiskStore) -> None:
    assert await store.size(KEY) is None
    with pytest.raises(ObjectMissingError):
        await content(store, KEY)
    with pytest.raises(ObjectMissingError):
        async with store.local_file(KEY):
            pass
    assert await store.delete_prefix("sessions/1") == 0


async def test_a_prefix_is_deleted_and_its_neighbour_is_not(store: DiskStore) -> None:
    for key in ("sessions/1/source", "sessions/1/deep/er", "sessions/10/source"):
        await store.put(key, chunks(b"x"))
    assert await store.delete_prefix("sessions/1/") == 2
    assert await store.size("sessions/10/source") == 1


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "", ".incoming/x"])
async def test_keys_stay_inside_the_folder(store: DiskStore, key: str) -> None:
    with pytest.raises(ValueError, match="not an object key"):
        await store.put(key, chunks(b"x"))


@pytest.mark.parametrize("url", ["gs://bucket", "file://host/folder", "file:///", "file:relative"])
def test_urls_that_name_no_folder_are_refused(url: str) -> None:
    with pytest.raises(SetupError, match="TRANSCRIPTS_STORAGE_URL"):
        open_store(url)


async def test_a_url_names_its_folder(tmp_path: Path) -> None:
    await open_store(f"file://{tmp_path}/with%20space").put(KEY, chunks(b"x"))
    assert (tmp_path / "with space" / KEY).read_bytes() == b"x"
