"""The disk store beyond what every store does: never outside its folder, nothing half written beside it."""

import asyncio
import hashlib
import resource
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.errors import SetupError, StorageError
from shared.storage import open_store
from shared.storage.disk import DiskStore
from shared.storage.files import BLOCK
from shared.storage.written_file import WriteBehind, WrittenFile

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


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk does, for every file that this process writes meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_told_and_leaves_no_file(store: DiskStore, tmp_path: Path) -> None:
    with files_of_at_most(3 * BLOCK), pytest.raises(StorageError, match="Nothing was kept"):
        await store.put(KEY, chunks(*(bytes(BLOCK) for _ in range(6))))
    assert files(tmp_path) == []


async def test_what_the_disk_syncs_on_the_way_is_whole(store: DiskStore, tmp_path: Path) -> None:
    blocks = [bytes([n]) * (BLOCK - 1) for n in range(70)]
    stored = await store.put(KEY, chunks(*blocks))
    written = (tmp_path / "objects" / KEY).read_bytes()
    assert written == b"".join(blocks)
    assert stored.sha256 == hashlib.sha256(written).hexdigest()


async def test_a_block_is_written_while_the_next_one_comes(tmp_path: Path) -> None:
    """Two blocks are in memory at most: the third waits for the disk."""
    disk = threading.Event()

    class SlowFile(WrittenFile):
        def append(self, chunks: list[bytes]) -> None:
            disk.wait()
            super().append(chunks)

    file = SlowFile(tmp_path / "aside")
    threads = ThreadPoolExecutor(2)
    behind = WriteBehind(file, threads)
    try:
        await behind.take(b"1" * BLOCK)  # handed over
        await behind.take(b"2" * (BLOCK - 1))  # gathered meanwhile
        third = asyncio.create_task(behind.take(b"2"))
        done, _ = await asyncio.wait([third], timeout=0.05)
        assert not done
        disk.set()
        await third
        await behind.finish()
    finally:
        disk.set()
        file.discard()
        threads.shutdown()
    assert file.as_object(KEY).size == 2 * BLOCK


async def test_a_disk_that_does_not_answer_holds_up_nothing_else(
    store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F17: every thread that writes waits for it, and an export is still made."""
    answers, waiting = threading.Event(), list[int]()

    def slow(file: int) -> None:
        waiting.append(file)
        answers.wait()

    monkeypatch.setattr("os.fsync", slow)
    uploads = [asyncio.create_task(store.put(f"sessions/{n}/source", chunks(b"x"))) for n in range(40)]
    try:
        while len(waiting) < 16:
            await asyncio.sleep(0.01)
        assert await asyncio.to_thread(lambda: "an export") == "an export"
    finally:
        answers.set()
    assert len(await asyncio.gather(*uploads)) == len(files(tmp_path)) == 40


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
