"""Small protocols between our use cases and the world; their values and errors are ours, never a vendor's."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from shared.lifecycle import Priority


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the store, whole and durable: its key, its size in bytes, and its SHA-256 in hex."""

    key: str
    size: int
    sha256: str


class ObjectStore(Protocol):
    """Recordings and prepared audio by key; a key is a relative POSIX path such as `sessions/<id>/source`."""

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Store the stream under `key`, atomically: an error or a cancel leaves nothing under the key."""
        ...

    async def put_file(self, key: str, path: Path) -> StoredObject:
        """Store a local file under `key`, atomically."""
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

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object whose key starts with `prefix`; returns how many there were."""
        ...


@dataclass(frozen=True, slots=True)
class Ring:
    """A request that a queued job be run: its id, priority, when it is due (None: now), and its traces."""

    job_id: UUID
    priority: Priority = Priority.NORMAL
    due_at: datetime | None = None
    request_id: str | None = None
    traceparent: str | None = None


class JobQueue(Protocol):
    """The bell: tells workers that a committed job is due. Losing a ring costs time, never the job."""

    async def ring(self, rings: Sequence[Ring]) -> int:
        """Ring for jobs that are committed as `queued`; returns how many were not already in the queue."""
        ...

    async def aclose(self) -> None:
        """Close what the queue holds open."""
        ...


class Clock(Protocol):
    """The time of day, so that tests can set it."""

    def now(self) -> datetime:
        """The present as an aware datetime in UTC."""
        ...
