"""Small protocols between our use cases and the world; their values and errors are ours, never a vendor's."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from shared.lifecycle import Priority


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the store, whole and durable: its key, and what was measured of its bytes.

    `sha256` is in hex; it is None where the bytes did not pass through this process.
    """

    key: str
    size: int
    crc32c: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object in a listing: its key, its size in bytes, and when it was written."""

    key: str
    size: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """A request by which a client starts to send an object straight to the store. The URL is a secret.

    The headers must be sent as they stand: they pin what may be sent.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: datetime


class ObjectStore(Protocol):
    """Recordings and prepared audio by key; a key is a relative POSIX path such as `sessions/<id>/source`.

    Every method raises StorageError where the store does not do it, and ObjectMissingError where it is said.
    """

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, if_absent: bool = False) -> StoredObject:
        """Store the stream under `key`, atomically: an error or a cancel leaves nothing under the key.

        With `if_absent`, an object that is there stays, and ObjectExistsError is raised.
        """
        ...

    async def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> StoredObject:
        """Store a local file under `key`, as `put` does."""
        ...

    async def compose(self, key: str, parts: Sequence[str]) -> StoredObject:
        """Store under `key` the objects `parts`, one after the other; they stay. ObjectMissingError."""
        ...

    def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Stream bytes from `start`; raises ObjectMissingError where there is no such object."""
        ...

    async def size(self, key: str) -> int | None:
        """The object's size in bytes, or None where there is no such object."""
        ...

    def local_file(self, key: str) -> AbstractAsyncContextManager[Path]:
        """The object as a readable local file for as long as the context is open (a copy if need be)."""
        ...

    def listing(self, prefix: str) -> AsyncIterator[ListedObject]:
        """The object `prefix` and those under `prefix/`, in no order."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the object `prefix` and those under `prefix/`; returns how many there were."""
        ...

    async def tidy(self, older_than: timedelta) -> int:
        """Delete what writers that died left behind so long ago; returns how much there was. No object is touched."""
        ...

    def uri(self, key: str) -> str:
        """Where the object is, for people and for other services: `file:///...` or `gs://bucket/...`."""
        ...

    async def download_url(self, key: str, *, seconds: int, disposition: str, media_type: str) -> str | None:
        """An address from which anyone reads the object for so long; None where the store has none to give.

        The URL is a secret. Whether the object exists is not looked at.
        """
        ...

    async def direct_upload(
        self, key: str, *, size: int, media_type: str, seconds: int
    ) -> DirectUpload | None:
        """How a client sends exactly `size` bytes to `key`, which must be new; None where it cannot.

        `seconds` is how long it may take until the client begins.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True, slots=True)
class Ring:
    """A request that a queued job be run: its id, priority, when it is due (None: now), its traces, and its lane."""

    job_id: UUID
    priority: Priority = Priority.NORMAL
    due_at: datetime | None = None
    request_id: str | None = None
    traceparent: str | None = None
    lane: str = ""  # of the workers that are to take it: `shared.queue.names.lane`


class JobQueue(Protocol):
    """The bell: tells workers that a committed job is due. Losing a ring costs time, never the job."""

    async def ring(self, rings: Sequence[Ring]) -> int:
        """Ring for jobs that are committed as `queued`; returns how many were not already in the queue."""
        ...

    async def aclose(self) -> None:
        """Close what the queue holds open."""
        ...
