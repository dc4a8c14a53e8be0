"""Objects in a bucket of Cloud Storage, or under a prefix of one."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from shared.checksums import crc32c_value
from shared.errors import ObjectMissingError
from shared.ids import new_id
from shared.ports import DirectUpload, ListedObject, StoredObject
from shared.storage import files
from shared.storage.gcs_http import CloudStorage
from shared.storage.gcs_reading import Reading
from shared.storage.gcs_reading import read as read_object
from shared.storage.gcs_signing import signed_url
from shared.storage.gcs_upload import ResumableUpload, SessionGoneError
from shared.storage.keys import checked
from shared.storage.read_ahead import read_ahead

BUFFER_BYTES: Final = 8 * 1024 * 1024
"""The memory of one upload; larger ones are hardly faster, smaller ones cost a round trip each."""

_COMPOSED_AT_ONCE: Final = 32  # Cloud Storage's limit
_DELETED_AT_ONCE: Final = 16
_SENT_AGAIN: Final = 3


class GcsStore:
    """An ObjectStore in a bucket."""

    def __init__(
        self,
        cloud: CloudStorage,
        bucket: str,
        *,
        prefix: str = "",
        scratch_dir: Path | None = None,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        """Keys lie under `prefix`; copies for `local_file` in `scratch_dir`, or in the system's temporary folder."""
        self._cloud = cloud
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._scratch_dir = scratch_dir
        self._buffer_bytes = buffer_bytes

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, if_absent: bool = False) -> StoredObject:
        """Store the stream by the resumable protocol; outlasts some twenty seconds of failures in a row.

        While Cloud Storage takes one buffer, the next one comes in.
        """
        upload = ResumableUpload(
            self._cloud,
            self._bucket,
            self._name(key),
            if_absent=if_absent,
            buffer_bytes=self._buffer_bytes,
        )
        async with aclosing(read_ahead(chunks, self._buffer_bytes)) as ahead:
            return await upload.send(key, ahead)

    async def put_file(self, key: str, path: Path, *, if_absent: bool = False) -> StoredObject:
        """Store a copy of a local file; sent from its beginning again where the upload session is lost."""
        for _ in range(_SENT_AGAIN - 1):
            with suppress(SessionGoneError):
                return await self._put_blocks(key, path, if_absent=if_absent)
        return await self._put_blocks(key, path, if_absent=if_absent)

    async def _put_blocks(self, key: str, path: Path, *, if_absent: bool) -> StoredObject:
        async with aclosing(files.blocks(path)) as blocks:  # closed at once, also where the upload breaks off
            return await self.put(key, blocks, if_absent=if_absent)

    async def compose(self, key: str, parts: Sequence[str]) -> StoredObject:
        """Have Cloud Storage join the parts: no byte passes through here, and no SHA-256 is known."""
        if not parts:
            raise ValueError("nothing to compose")
        names = [self._name(part) for part in parts]
        between: list[str] = []
        while len(names) > _COMPOSED_AT_ONCE:
            joined = [self._name(f"{parts[0]}.joined/{new_id()}") for _ in _grouped(names)]
            for target, group in zip(joined, _grouped(names), strict=True):
                await self._join(target, group)
            between += joined
            names = joined
        resource = await self._join(self._name(key), names)
        await self._delete(between)
        return StoredObject(key, int(resource["size"]), crc32c_value(resource["crc32c"]), None)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Stream the object's bytes; a broken connection is taken up where it broke, in the same generation.

        A whole object is checked against its CRC32C: StorageError at its end where it differs.
        """
        async for chunk in read_object(self._cloud, Reading(self._path(key), start, length)):
            yield chunk

    async def size(self, key: str) -> int | None:
        """The object's size in bytes, or None where there is no such object."""
        try:
            response = await self._cloud.call("GET", self._path(key), params={"fields": "size"})
        except ObjectMissingError:
            return None
        return int(response.json()["size"])

    @asynccontextmanager
    async def local_file(self, key: str) -> AsyncIterator[Path]:
        """A checked copy in a temporary folder, deleted at the end."""
        folder = await asyncio.to_thread(
            tempfile.TemporaryDirectory,
            prefix=f"transcripts-run-{os.getpid()}-",  # a worker's start clears away what a dead one left
            dir=self._scratch_dir,
            ignore_cleanup_errors=True,
        )
        try:
            path = Path(folder.name) / "object"
            await files.write(path, self.read(key))
            yield path
        finally:
            folder.cleanup()

    async def listing(self, prefix: str) -> AsyncIterator[ListedObject]:
        """The object `prefix` and those under `prefix/`; read page by page."""
        name = self._name(prefix)
        query = {"prefix": name, "fields": "nextPageToken,items(name,size,updated)"}
        while True:
            response = await self._cloud.call("GET", f"/storage/v1/b/{self._bucket}/o", params=query)
            page: dict[str, Any] = response.json()
            for item in page.get("items", []):
                if item["name"] == name or item["name"].startswith(f"{name}/"):
                    yield self._listed(item)
            if "nextPageToken" not in page:
                return
            query["pageToken"] = page["nextPageToken"]

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the object `prefix` and those under `prefix/`; returns how many there were."""
        return await self._delete([self._name(item.key) async for item in self.listing(prefix)])

    async def tidy(self, older_than: timedelta) -> int:
        """Nothing: Cloud Storage drops upload sessions by itself, after a week."""
        return 0

    def uri(self, key: str) -> str:
        """The object's gs:// URI."""
        return f"gs://{self._bucket}/{self._name(key)}"

    async def download_url(self, key: str, *, seconds: int, disposition: str, media_type: str) -> str | None:
        """A V4 signed URL; its answer has the headers that are asked for here."""
        query = {"response-content-disposition": disposition, "response-content-type": media_type}
        return await self._signed(key, method="GET", seconds=seconds, query=query)

    async def direct_upload(
        self, key: str, *, size: int, media_type: str, seconds: int
    ) -> DirectUpload | None:
        """A signed start of a resumable session: its type, its exact length, and that the object is new, are pinned.

        The session, once begun, lives for a week, whatever becomes of the URL (F27).
        """
        headers = {
            "content-type": media_type,
            "x-goog-content-length-range": f"{size},{size}",
            "x-goog-if-generation-match": "0",
            "x-goog-resumable": "start",
        }
        url = await self._signed(key, method="POST", seconds=seconds, headers=headers)
        return DirectUpload("POST", url, headers, datetime.now(UTC) + timedelta(seconds=seconds))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._cloud.aclose()

    async def _signed(self, key: str, **wanted: Any) -> str:
        return await signed_url(
            self._cloud.identity,
            endpoint=self._cloud.endpoint,
            bucket=self._bucket,
            name=self._name(key),
            **wanted,
        )

    async def _join(self, target: str, sources: Sequence[str]) -> Mapping[str, Any]:
        body = {"sourceObjects": [{"name": name} for name in sources], "destination": {}}
        path = f"{self._cloud.object_path(self._bucket, target)}/compose"
        response = await self._cloud.call("POST", path, params={"fields": "size,crc32c"}, json=body)
        return dict(response.json())

    async def _delete(self, names: Sequence[str]) -> int:
        """Delete the objects, some at once; returns how many were still there."""
        turns = asyncio.Semaphore(_DELETED_AT_ONCE)

        async def delete(name: str) -> int:
            async with turns:
                try:
                    await self._cloud.call("DELETE", self._cloud.object_path(self._bucket, name))
                except ObjectMissingError:
                    return 0
            return 1

        return sum(await asyncio.gather(*(delete(name) for name in names)))

    def _listed(self, item: Mapping[str, Any]) -> ListedObject:
        key = item["name"].removeprefix(self._prefix)
        return ListedObject(key, int(item["size"]), datetime.fromisoformat(item["updated"]))

    def _name(self, key: str) -> str:
        return self._prefix + checked(key)

    def _path(self, key: str) -> str:
        return self._cloud.object_path(self._bucket, self._name(key))


def _grouped(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return [names[n : n + _COMPOSED_AT_ONCE] for n in range(0, len(names), _COMPOSED_AT_ONCE)]
