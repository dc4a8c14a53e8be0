"""Objects as files under one folder: written aside, synced, then renamed, so that a key is whole or absent."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.errors import ObjectMissingError, SetupError, StorageError
from shared.ids import new_id
from shared.ports import DirectUpload, ListedObject, StoredObject
from shared.storage.files import blocks
from shared.storage.keys import ASIDE, checked
from shared.storage.written_file import WriteBehind, WrittenFile

_WRITERS: Final = 16
_NOT_STORED: Final = "The recording could not be stored: {}. Nothing was kept; try again."


class DiskStore:
    """An ObjectStore on a local or network file system."""

    def __init__(self, root: Path) -> None:
        """Use `root`, making it where it is missing; SetupError where we may not write there."""
        self._root = root
        self._aside = root / ASIDE
        # A disk that is slow to sync holds up those who write to it, and nothing else that is done on threads.
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="disk")
        try:
            self._aside.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(f"The folder of recordings {root} cannot be used: {error.strerror}.") from error

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, if_absent: bool = False) -> StoredObject:
        """Store the stream; blocks of 1 MiB are hashed and written on a thread while the next one comes in."""
        path, aside = self._path(key), self._aside / str(new_id())
        loop = asyncio.get_running_loop()
        with _storing():
            written = await loop.run_in_executor(self._writers, WrittenFile, aside)
        behind = WriteBehind(written, self._writers)
        try:
            async for chunk in chunks:
                with _storing():
                    await behind.take(chunk)
            with _storing():
                await behind.finish()
                await loop.run_in_executor(self._writers, written.publish, path, if_absent)
        finally:
            # Also on a cancel (the client went away). Closing and unlinking are quick enough for the loop, and a
            # thread would have to be awaited, which a second cancel could interrupt.
            behind.abandon()
            written.discard()
        return written.as_object(key)

    async def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> StoredObject:
        """Store a copy of a local file."""
        return await self.put(key, blocks(path), if_absent=if_absent)

    async def compose(self, key: str, parts: Sequence[str]) -> StoredObject:
        """Store copies of the parts, one after the other."""
        return await self.put(key, self._joined(parts))

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Stream the object's bytes in blocks of at most 1 MiB."""
        if await self.size(key) is None:
            raise ObjectMissingError
        async for block in blocks(self._path(key), start, length):
            yield block

    async def size(self, key: str) -> int | None:
        """The object's size in bytes, or None where there is no such object."""
        path = self._path(key)
        return await asyncio.to_thread(lambda: path.stat().st_size if path.is_file() else None)

    @asynccontextmanager
    async def local_file(self, key: str) -> AsyncIterator[Path]:
        """The file itself: on a disk nothing has to be copied. Do not write to it."""
        if await self.size(key) is None:
            raise ObjectMissingError
        yield self._path(key)

    async def listing(self, prefix: str) -> AsyncIterator[ListedObject]:
        """The files of a folder, or one file."""
        for found in await asyncio.to_thread(_listed, self._path(prefix), self._root):
            yield found

    async def delete_prefix(self, prefix: str) -> int:
        """Delete a folder of objects, or one object, and folders that are empty then; returns how many files went."""
        return await asyncio.to_thread(_delete, self._path(prefix), self._root)

    async def tidy(self, older_than: timedelta) -> int:
        """Delete files that were being written when their process died: nobody will finish them."""
        return await asyncio.to_thread(_tidy, self._aside, datetime.now(UTC) - older_than)

    def uri(self, key: str) -> str:
        """The file's URI."""
        return self._path(key).as_uri()

    async def download_url(self, key: str, *, seconds: int, disposition: str, media_type: str) -> str | None:
        """None: nobody but us reads this disk."""

    async def direct_upload(
        self, key: str, *, size: int, media_type: str, seconds: int
    ) -> DirectUpload | None:
        """None: nobody but us writes to this disk."""

    async def aclose(self) -> None:
        """End the threads that write."""
        self._writers.shutdown(wait=False, cancel_futures=True)

    async def _joined(self, parts: Sequence[str]) -> AsyncIterator[bytes]:
        for part in parts:
            async for block in self.read(part):
                yield block

    def _path(self, key: str) -> Path:
        return self._root / checked(key)


@contextmanager
def _storing() -> Iterator[None]:
    """The disk's errors become ours; those of the stream, which is read outside of this, stay its own."""
    try:
        yield
    except OSError as error:
        raise StorageError(_NOT_STORED.format(error.strerror)) from error


def _listed(path: Path, root: Path) -> list[ListedObject]:
    found = []
    for file in [path] if path.is_file() else path.rglob("*"):
        try:
            status = file.stat()
        except FileNotFoundError:  # deleted while we looked
            continue
        if file.is_file():
            written_at = datetime.fromtimestamp(status.st_mtime, UTC)
            found.append(ListedObject(file.relative_to(root).as_posix(), status.st_size, written_at))
    return found


def _tidy(aside: Path, before: datetime) -> int:
    count = 0
    for file in aside.iterdir():
        try:
            if datetime.fromtimestamp(file.stat().st_mtime, UTC) < before:
                file.unlink()
                count += 1
        except FileNotFoundError:  # finished this moment
            continue
    return count


def _delete(path: Path, root: Path) -> int:
    if path.is_file():
        path.unlink(missing_ok=True)
        count = 1
    else:
        count = sum(1 for found in path.rglob("*") if found.is_file()) if path.is_dir() else 0
        shutil.rmtree(path, ignore_errors=True)
    for folder in path.parents:
        if folder == root:
            break
        try:
            folder.rmdir()
        except OSError:  # it holds something, or is gone already
            break
    return count
