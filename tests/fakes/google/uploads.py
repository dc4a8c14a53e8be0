"""Resumable uploads: sessions, 308 and Range, and only whole quanta kept of what was cut off."""

import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fakes.google.faults import Fault
from tests.fakes.google.objects import Document, Objects, StorageRefusal, check_conditions
from tests.fakes.google.state import State

QUANTUM: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class CutOffError(Exception):
    """A fault cut the request's body; what arrived is kept and the connection is to be dropped."""


@dataclass(frozen=True, slots=True)
class ContentRange:
    """A parsed Content-Range: where the body begins (None: there is no body, only a question), the total."""

    start: int | None
    total: int | None

    @classmethod
    def parse(cls, header: str | None) -> "ContentRange | None":
        """None where there is no header; 400 where it is not one."""
        if header is None:
            return None
        match = _RANGE.fullmatch(header.strip())
        if not match:
            raise StorageRefusal(400, f"Failed to parse Content-Range header: {header}")
        first, last, total = match.groups()
        if first is not None and int(last) < int(first):
            raise StorageRefusal(400, f"Failed to parse Content-Range header: {header}")
        return cls(None if first is None else int(first), None if total == "*" else int(total))


@dataclass(frozen=True, slots=True)
class Upload:
    """A session as it is: the finished object's resource, or the bytes that are kept so far."""

    id: str
    bucket: str
    name: str
    received: int
    done: Document | None


class Uploads:
    """Every session that was started and not cancelled."""

    def __init__(self, state: State, objects: Objects) -> None:
        self._state = state
        self._objects = objects

    def start(
        self,
        bucket: str,
        name: str,
        document: Document,
        conditions: Mapping[str, str],
        limit: str | None = None,
    ) -> str:
        """Start a session and return its id; `limit` is a signed `x-goog-content-length-range`."""
        self._objects.bucket(bucket)
        check_conditions(self._objects.find(bucket, name), conditions)
        upload_id = secrets.token_urlsafe(48)
        kept = {"object": document, "conditions": dict(conditions), "limit": limit}
        self._state.execute(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, NULL)", upload_id, bucket, name, json.dumps(kept)
        )
        self._path(upload_id).touch()
        return upload_id

    def get(self, upload_id: str) -> Upload:
        """The session; 404 where it never was, or is over."""
        row = self._row(upload_id)
        done = json.loads(row["done"]) if row["done"] else None
        received = int(done["size"]) if done else self._path(upload_id).stat().st_size
        return Upload(upload_id, row["bucket"], row["name"], received, done)

    def cancel(self, upload_id: str) -> None:
        """Forget the session and its bytes."""
        self._row(upload_id)
        self._state.execute("DELETE FROM uploads WHERE id = ?", upload_id)
        self._path(upload_id).unlink(missing_ok=True)

    async def receive(
        self,
        upload_id: str,
        content_range: ContentRange | None,
        body: AsyncIterator[bytes],
        hashes: Mapping[str, str],
        fault: Fault | None = None,
    ) -> Upload:
        """Take a PUT's bytes and end the session once the announced total is there.

        What overlaps bytes that are kept is skipped, what begins beyond them is dropped: the answer's range is
        the truth. Of a chunk that is not the last, only multiples of 256 KiB are kept, as with Google.
        """
        before = self.get(upload_id)
        if before.done:
            return before
        whole = content_range is None
        start = 0 if whole else (content_range.start if content_range else None)
        total = None if content_range is None else content_range.total
        try:
            if start is not None:
                await _append(self._path(upload_id), start, _harmed(body, fault))
        except BaseException:  # the connection broke, or a fault broke it: keep what a server would keep
            self._keep_quanta(upload_id)
            raise
        received = self._path(upload_id).stat().st_size
        if whole or received == total:
            return self._finish(upload_id, hashes)
        if total is not None and received > total:
            raise StorageRefusal(400, "More bytes were sent than the total that was announced.")
        self._keep_quanta(upload_id)
        return self.get(upload_id)

    def _finish(self, upload_id: str, hashes: Mapping[str, str]) -> Upload:
        row = self._row(upload_id)
        kept = json.loads(row["document"])
        path = self._path(upload_id)
        check_limit(kept["limit"], path.stat().st_size)
        check_conditions(self._objects.find(row["bucket"], row["name"]), kept["conditions"])
        try:
            stored = self._objects.adopt(row["bucket"], row["name"], path, {**kept["object"], **hashes})
        except StorageRefusal:  # the bytes are gone, and the session with them
            self.cancel(upload_id)
            raise
        self._state.execute(
            "UPDATE uploads SET done = ? WHERE id = ?", json.dumps(stored.document), upload_id
        )
        return self.get(upload_id)

    def _keep_quanta(self, upload_id: str) -> None:
        with self._path(upload_id).open("r+b") as file:
            file.truncate(file.seek(0, 2) // QUANTUM * QUANTUM)

    def _row(self, upload_id: str) -> Any:
        row = self._state.row("SELECT * FROM uploads WHERE id = ?", upload_id)
        if not row:
            raise StorageRefusal(404, "No such upload session.", "notFound")
        return row

    def _path(self, upload_id: str) -> Path:
        return self._state.uploads / upload_id


def check_limit(limit: str | None, size: int) -> None:
    """400 where a body is outside a signed `x-goog-content-length-range`."""
    if limit:
        lowest, highest = (int(part) for part in limit.split(","))
        if size > highest:
            raise StorageRefusal(400, "Your proposed upload is larger than allowed.", "EntityTooLarge")
        if size < lowest:
            raise StorageRefusal(400, "Your proposed upload is smaller than allowed.", "EntityTooSmall")


def damaged(chunk: bytes, fault: Fault | None) -> bytes:
    """The chunk, its first byte flipped where the fault says so."""
    if not fault or fault.do != "damage" or not chunk:
        return chunk
    return bytes([chunk[0] ^ 0xFF]) + chunk[1:]


async def _append(path: Path, start: int, body: AsyncIterator[bytes]) -> None:
    with path.open("ab") as file:
        skip = file.tell() - start
        async for chunk in body:
            if skip >= 0:  # else there is a gap: the bytes are read and dropped
                file.write(chunk[skip:])
                skip = max(0, skip - len(chunk))


async def _harmed(body: AsyncIterator[bytes], fault: Fault | None) -> AsyncIterator[bytes]:
    """The body as a fault leaves it: cut off, kept in part, damaged."""
    taken, limit = 0, fault.size if fault and fault.do in {"cut", "keep"} else None
    async for chunk in body:
        if limit is not None and taken + len(chunk) >= limit:
            yield chunk[: max(0, limit - taken)]
            if fault and fault.do == "cut":
                raise CutOffError
        else:
            yield damaged(chunk, None if taken else fault)
        taken += len(chunk)
