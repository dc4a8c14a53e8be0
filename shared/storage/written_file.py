"""A file that is being written aside, hashed on the way, then made durable under its name."""

import asyncio
import hashlib
import os
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from shared.checksums import crc32c
from shared.errors import ObjectExistsError
from shared.ports import StoredObject
from shared.storage.files import BLOCK

_SYNC_BYTES: Final = 32 * BLOCK
"""How much is written before the disk is told to begin: else it does all of the work at the end, while one waits."""

_EMPTIED: Final = 5
"""How often a folder may be deleted between being made and being used, which others do with empty ones."""


class WrittenFile:
    """The file, and what was measured of it; every method blocks."""

    def __init__(self, aside: Path) -> None:
        self._aside = aside
        self._file: BinaryIO = aside.open("xb")
        self._sha256 = hashlib.sha256()
        self._crc32c = 0
        self._size = 0

    def append(self, chunks: list[bytes]) -> None:
        """Hash and write the next bytes."""
        block = b"".join(chunks)
        self._sha256.update(block)
        self._crc32c = crc32c(block, self._crc32c)
        self._size += self._file.write(block)

    def sync(self) -> None:
        """Make durable what was written so far."""
        os.fdatasync(self._file.fileno())

    def publish(self, path: Path, if_absent: bool) -> None:
        """Make the file durable, then visible under its name, then the name durable; ObjectExistsError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        for _ in range(_EMPTIED):
            with suppress(FileNotFoundError):
                self._place(path, if_absent)
                break
        else:
            self._place(path, if_absent)
        with suppress(FileNotFoundError):  # the object was deleted as soon as it was there
            _sync(path.parent)

    def _place(self, path: Path, if_absent: bool) -> None:
        """FileNotFoundError where somebody deleted the folder because it was empty still."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not if_absent:
            self._aside.replace(path)
            return
        try:
            path.hardlink_to(self._aside)
        except FileExistsError:
            raise ObjectExistsError from None

    def discard(self) -> None:
        """Close it, and delete it unless it was published."""
        self._file.close()
        self._aside.unlink(missing_ok=True)

    def as_object(self, key: str) -> StoredObject:
        """What was written."""
        return StoredObject(key, self._size, self._crc32c, self._sha256.hexdigest())


class WriteBehind:
    """Chunks on their way into a file: a thread hashes and writes one block while the next is gathered.

    Two blocks of 1 MiB are in memory at most: who brings chunks faster than the disk takes them waits here.
    """

    def __init__(self, file: WrittenFile, writers: Executor) -> None:
        self._file = file
        self._writers = writers
        self._block: list[bytes] = []
        self._gathered = 0
        self._unsynced = 0
        self._writing: asyncio.Future[None] | None = None
        self._syncing: asyncio.Future[None] | None = None

    async def take(self, chunk: bytes) -> None:
        """The next bytes; OSError where those before could not be written."""
        self._block.append(chunk)
        self._gathered += len(chunk)
        if self._gathered >= BLOCK:
            await self._pass_on()

    async def finish(self) -> None:
        """Wait until all of it is written; OSError."""
        await self._pass_on()
        await _ended(self._writing)
        await _ended(self._syncing)

    def abandon(self) -> None:
        """What is under way interests nobody any more."""
        for each in (self._writing, self._syncing):
            if each is not None:
                each.cancel()

    async def _pass_on(self) -> None:
        block, self._block = self._block, []
        self._unsynced += self._gathered
        self._gathered = 0
        await _ended(self._writing)
        start = partial(asyncio.get_running_loop().run_in_executor, self._writers)
        if self._unsynced >= _SYNC_BYTES and (self._syncing is None or self._syncing.done()):
            await _ended(self._syncing)  # the disk tells of an error once: it must not be passed over
            self._syncing, self._unsynced = start(self._file.sync), 0
        self._writing = start(self._file.append, block)


async def _ended(work: asyncio.Future[None] | None) -> None:
    if work is not None:
        await work


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
