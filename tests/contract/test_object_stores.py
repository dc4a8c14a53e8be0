"""One suite over every ObjectStore: what the port promises, each store keeps."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import google_crc32c
import pytest

from shared.errors import ObjectExistsError, ObjectMissingError
from shared.ports import ObjectStore, StoredObject
from shared.storage import open_store
from tests.fakes.google.process import FakeGoogle

pytest_plugins = ("tests.fakes.google.fixtures",)

KEY = "sessions/1/source"
DATA = os.urandom(1_000_003)  # no multiple of anything


@pytest.fixture(params=["disk", "gcs", "gcs with a prefix"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "disk":
        opened = open_store((tmp_path / "objects").as_uri())
    else:
        google: FakeGoogle = request.getfixturevalue("google")
        prefix = "/a/b%20c" if "prefix" in request.param else ""
        opened = open_store(f"gs://recordings{prefix}", gcs_endpoint=google.storage_url, scratch_dir=tmp_path)
    yield opened
    await opened.aclose()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def put(store: ObjectStore, key: str, data: bytes) -> StoredObject:
    return await store.put(key, chunks(data))


async def content(store: ObjectStore, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([block async for block in store.read(key, start, length)])


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    return sorted([item.key async for item in store.listing(prefix)])


async def test_what_is_put_comes_back_with_its_sums(store: ObjectStore) -> None:
    stored = await store.put(KEY, chunks(DATA[:7], b"", DATA[7:300_000], DATA[300_000:]))
    assert stored == StoredObject(KEY, len(DATA), google_crc32c.value(DATA), hashlib.sha256(DATA).hexdigest())
    assert await content(store, KEY) == DATA
    assert await store.size(KEY) == len(DATA)


async def test_a_part_is_read(store: ObjectStore) -> None:
    await put(store, KEY, DATA)
    size = len(DATA)
    for start, length in [(0, 1), (100, 50), (size - 5, None), (size - 5, 50), (0, size + 1), (300_000, 0)]:
        end = None if length is None else start + length
        assert await content(store, KEY, start, length) == DATA[start:end], (start, length)
    assert await content(store, KEY, size) == b""
    assert await content(store, KEY, size + 10, 10) == b""


async def test_a_reader_may_stop(store: ObjectStore) -> None:
    await put(store, KEY, DATA)
    async with aclosing(store.read(KEY)) as blocks:  # type: ignore[type-var]
        async for block in blocks:
            assert DATA.startswith(block)
            break
    assert await content(store, KEY, 10, 10) == DATA[10:20]


async def test_an_empty_object(store: ObjectStore) -> None:
    stored = await store.put(KEY, chunks())
    assert (stored.size, stored.crc32c, stored.sha256) == (0, 0, hashlib.sha256().hexdigest())
    assert await store.size(KEY) == 0
    assert await content(store, KEY) == b""


async def test_a_file_goes_in_and_comes_out(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "recording.flac"
    source.write_bytes(DATA)
    assert (await store.put_file(KEY, source)).size == len(DATA)
    async with store.local_file(KEY) as path:
        assert path.read_bytes() == DATA
    assert source.exists()


async def breaking(error: Exception) -> AsyncIterator[bytes]:
    yield DATA
    raise error


async def test_a_stream_that_breaks_leaves_nothing(store: ObjectStore) -> None:
    with pytest.raises(ConnectionResetError):
        await store.put(KEY, breaking(ConnectionResetError()))
    assert await store.size(KEY) is None
    assert await keys(store, "sessions") == []


async def test_a_cancel_leaves_nothing(store: ObjectStore) -> None:
    reached = asyncio.Event()

    async def hangs() -> AsyncIterator[bytes]:
        yield DATA
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put(KEY, hangs()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await keys(store, "sessions") == []


async def test_the_old_object_stands_until_the_new_one_is_whole(store: ObjectStore) -> None:
    await put(store, KEY, b"old")
    with pytest.raises(RuntimeError):
        await store.put(KEY, breaking(RuntimeError()))
    assert await content(store, KEY) == b"old"
    await put(store, KEY, b"new")
    assert await content(store, KEY) == b"new"


async def test_an_object_that_is_there_is_left_as_it_is(store: ObjectStore, tmp_path: Path) -> None:
    assert (await store.put(KEY, chunks(b"first"), if_absent=True)).size == 5
    with pytest.raises(ObjectExistsError):
        await store.put(KEY, chunks(b"second"), if_absent=True)
    (tmp_path / "file").write_bytes(b"third")
    with pytest.raises(ObjectExistsError):
        await store.put_file(KEY, tmp_path / "file", if_absent=True)
    assert await content(store, KEY) == b"first"
    assert await keys(store, "sessions") == [KEY]


async def test_of_two_who_create_one_does(store: ObjectStore) -> None:
    puts = [store.put(KEY, chunks(bytes([n])), if_absent=True) for n in range(2)]
    ended = await asyncio.gather(*puts, return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["ObjectExistsError", "StoredObject"]


async def test_parts_are_joined_and_stay(store: ObjectStore) -> None:
    parts = [DATA[:400_000], DATA[400_000:400_001], b"", DATA[400_001:]]
    names = [f"uploads/1/{n}" for n in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        await put(store, name, part)
    stored = await store.compose(KEY, names)
    assert (stored.key, stored.size, stored.crc32c) == (KEY, len(DATA), google_crc32c.value(DATA))
    assert stored.sha256 in (None, hashlib.sha256(DATA).hexdigest())
    assert await content(store, KEY) == DATA
    assert await keys(store, "uploads/1") == names
    assert (await store.compose("sessions/2/source", names[:1])).size == 400_000


async def test_many_parts_are_joined(store: ObjectStore) -> None:
    """Cloud Storage joins 32 at once, so more take several steps; nothing of those is left."""
    names = [f"uploads/1/{n:04}" for n in range(40)]
    await asyncio.gather(*(put(store, name, name.encode()) for name in names))
    await store.compose(KEY, names)
    assert await content(store, KEY) == "".join(names).encode()
    assert await keys(store, "uploads") == names


async def test_a_part_that_is_missing(store: ObjectStore) -> None:
    await put(store, "uploads/1/0", b"x")
    with pytest.raises(ObjectMissingError):
        await store.compose(KEY, ["uploads/1/0", "uploads/1/1"])
    assert await store.size(KEY) is None


async def test_missing_objects(store: ObjectStore) -> None:
    assert await store.size(KEY) is None
    with pytest.raises(ObjectMissingError):
        await content(store, KEY)
    with pytest.raises(ObjectMissingError):
        async with store.local_file(KEY):
            pass
    assert await keys(store, "sessions") == []
    assert await store.delete_prefix("sessions/1") == 0


async def test_a_listing_tells_size_and_age(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await put(store, KEY, b"12345")
    (found,) = [item async for item in store.listing("sessions")]
    assert (found.key, found.size) == (KEY, 5)
    assert before < found.written_at < datetime.now(UTC) + timedelta(seconds=1)


async def test_a_folder_is_listed_and_deleted_and_its_neighbour_is_not(store: ObjectStore) -> None:
    mine, others = ["sessions/1/deep/er", "sessions/1/source"], ["sessions/10/source", "sessions/1.flac"]
    for key in (*mine, *others):
        await put(store, key, b"x")
    assert await keys(store, "sessions/1/") == await keys(store, "sessions/1") == mine
    assert await keys(store, "sessions/1.flac") == ["sessions/1.flac"]
    assert await store.delete_prefix("sessions/1") == 2
    assert await keys(store, "sessions") == sorted(others)
    assert await store.delete_prefix("sessions/1.flac") == 1


BAD_KEYS = ["../x", "/etc/passwd", "a/../../x", "", ".incoming/x", "a//b", "./a", "a\nb", "x" * 1000]
CALLS: list[Callable[[ObjectStore, str], Awaitable[object]]] = [
    lambda store, key: put(store, key, b"x"),
    content,
    lambda store, key: store.size(key),
    lambda store, key: store.delete_prefix(key),
]


async def test_keys_stay_where_they_belong(store: ObjectStore) -> None:
    for key in BAD_KEYS:
        for call in CALLS:
            with pytest.raises(ValueError, match="not an object key"):
                await call(store, key)


async def test_odd_names_are_kept_apart(store: ObjectStore) -> None:
    names = ["a b", "a+b", "a%20b", "a%2Fb", "a#b?c=d&e", "會談 №1", "a~b", "a'b"]
    for name in names:
        await put(store, f"odd/{name}", name.encode())
    for name in names:
        assert await content(store, f"odd/{name}") == name.encode()
    assert await keys(store, "odd") == sorted(f"odd/{name}" for name in names)
