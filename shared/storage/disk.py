"""Objects as files under one folder: written aside, synced, then renamed, so that a key is whole or absent."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, ParamSpec, TypeVar

from shared.errors import ObjectMissingError, SetupError, StorageError
from shared.ids import new_id
from shared.ports import StoredObject

P = ParamSpec("P")
T = TypeVar("T")

_BLOCK = 1024 * 1024
_ASIDE = ".incoming"


class DiskStore:
    """An ObjectStore on a local or network file system."""

    def __init__(self, root: Path) -> None:
        """Use `root`, making it where it is missing; SetupError where we may not write there."""
        self._root = root
        self._aside = root / _ASIDE
        try:
            self._aside.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(f"The folder of recordings {root} cannot be used: {error.strerror}.") from error

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Store the stream; blocks of 1 MiB are hashed and written on a thread, memory stays flat."""
        path, aside = self._path(key), self._aside / str(new_id())
        digest, size, block = hashlib.sha256(), 0, bytearray()
        file = await _on_disk(aside.open, "xb")
        try:
            async for chunk in chunks:
                block += chunk
                if len(block) >= _BLOCK:
                    size += await _on_disk(_append, file, digest, bytes(block))
                    block.clear()
            size += await _on_disk(_append, file, digest, bytes(block))
            await _on_disk(_publish, file, aside, path)
        finally:
            # Also on a cancel (the client went away). Unlinking is quick enough for the loop, and a thread
            # would have to be awaited, which a second cancel could interrupt.
            file.close()
            aside.unlink(missing_ok=True)
        return StoredObject(key, size, digest.hexdigest())

    async def put_file(self, key: str, path: Path) -> StoredObject:
        """Store a copy of a local file."""
        return await self.put(key, _blocks(path, 0, None))

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Stream the object's bytes in blocks of at most 1 MiB."""
        if await self.size(key) is None:
            raise ObjectMissingError
        async for block in _blocks(self._path(key), start, length):
            yield block

    async def size(self, key: str) -> int | None:
        """The object's size in bytes, or None where there is no such object."""
        path = self._path(key)
        try:
            return (await asyncio.to_thread(path.stat)).st_size
        except FileNotFoundError:
            return None

    @asynccontextmanager
    async def local_file(self, key: str) -> AsyncIterator[Path]:
        """The file itself: on a disk nothing has to be copied. Do not write to it."""
        if await self.size(key) is None:
            raise ObjectMissingError
        yield self._path(key)

    async def delete_prefix(self, prefix: str) -> int:
        """Delete a folder of objects, or one object; returns how many files went."""
        path = self._path(prefix.rstrip("/"))
        return await asyncio.to_thread(_delete, path)

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or any(part in {"..", "/", _ASIDE} for part in parts):
            raise ValueError(f"not an object key: {key!r}")
        return self._root.joinpath(*parts)


async def _on_disk(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a blocking write on a thread; the disk's errors become ours, those of the stream stay its own."""
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except OSError as error:
        raise StorageError(
            f"The recording could not be stored: {error.strerror}. Nothing was kept; try again."
        ) from error


def _append(file: BinaryIO, digest: "hashlib._Hash", block: bytes) -> int:
    digest.update(block)
    file.write(block)
    return len(block)


def _publish(file: BinaryIO, aside: Path, path: Path) -> None:
    """Make the written file durable, then visible under its name, then the name durable."""
    file.flush()
    os.fsync(file.fileno())
    path.parent.mkdir(parents=True, exist_ok=True)
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _blocks(path: Path, start: int, length: int | None) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        file.seek(start)
        left = length
        while left is None or left > 0:
            block = await asyncio.to_thread(file.read, _BLOCK if left is None else min(_BLOCK, left))
            if not block:
                return
            left = None if left is None else left - len(block)
            yield block
    finally:
        file.close()


def _delete(path: Path) -> int:
    if path.is_file():
        path.unlink()
        return 1
    count = sum(1 for found in path.rglob("*") if found.is_file()) if path.is_dir() else 0
    shutil.rmtree(path, ignore_errors=True)
    return count
