"""The disk store beyond what every store does: never outside its folder, nothing half written beside it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.errors import SetupError
from shared.storage import open_store
from shared.storage.disk import DiskStore

KEY = "sessions/1/source"


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "objects")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def files(store_folder: Path) -> list[Path]:
    return [path for path in store_folder.rglob("*") if path.is_file()]


async def test_a_stream_that_breaks_leaves_no_file(store: DiskStore, tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.put(KEY, breaks())
    assert files(tmp_path) == []


async def test_a_cancel_leaves_no_file(store: DiskStore, tmp_path: Path) -> None:
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


async def test_a_disk_gives_no_addresses(store: DiskStore, tmp_path: Path) -> None:
    assert await store.download_url(KEY, seconds=60, disposition="inline", media_type="audio/wav") is None
    assert await store.direct_upload(KEY, size=1, media_type="audio/wav", seconds=60) is None
    assert store.uri(KEY) == (tmp_path / "objects" / KEY).as_uri()


@pytest.mark.parametrize("url", ["s3://bucket", "file://host/folder", "file:///", "file:relative"])
def test_urls_that_name_no_folder_are_refused(url: str) -> None:
    with pytest.raises(SetupError, match="TRANSCRIPTS_STORAGE_URL"):
        open_store(url)


async def test_a_url_names_its_folder(tmp_path: Path) -> None:
    await open_store(f"file://{tmp_path}/with%20space").put(KEY, chunks(b"x"))
    assert (tmp_path / "with space" / KEY).read_bytes() == b"x"
