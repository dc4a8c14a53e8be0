"""One object on its way into Cloud Storage by the resumable protocol, in memory that does not grow.

Bytes go into one buffer of fixed size and stay there until Cloud Storage has said that it keeps them: the
`Range` of its 308 is the truth, whatever we believe to have sent. After any fault the session is asked
(`bytes */*`) before anything is sent again, so a lost reply costs a question and no byte twice. The object
becomes visible when the last byte is there, and not before.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final

import httpx

from shared.checksums import crc32c, crc32c_text, crc32c_value
from shared.errors import ObjectExistsError, ObjectMissingError, StorageError, TranscriptsError
from shared.ports import StoredObject
from shared.storage.gcs_http import UNSTARTED, CloudStorage, refusal

QUANTUM: Final = 256 * 1024
"""Chunks other than the last are multiples of this."""

_SLICE: Final = 128 * 1024
_ABANDON_S: Final = 5.0

Resource = dict[str, Any]


class SessionGoneError(StorageError):
    """The upload session has expired. Nothing was kept; send the recording again."""


class ResumableUpload:
    """One object; use it once."""

    def __init__(
        self, cloud: CloudStorage, bucket: str, name: str, *, if_absent: bool, buffer_bytes: int
    ) -> None:
        if buffer_bytes % QUANTUM:
            raise ValueError(f"buffer_bytes must be a multiple of {QUANTUM}")
        self._cloud = cloud
        self._bucket = bucket
        self._name = name
        self._conditions: Mapping[str, str] = {"ifGenerationMatch": "0"} if if_absent else {}
        self._buffer = bytearray(buffer_bytes)
        self._base = 0  # where in the object the buffer begins
        self._fill = 0
        self._session = ""
        self._last_was_sent = self._last_in_doubt = False
        self._sha256 = hashlib.sha256()
        self._crc32c = 0

    async def send(self, key: str, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Send the stream; whatever is raised, the stream's own errors included, nothing is left.

        Raises ObjectExistsError, StorageError, and SessionGoneError where only a new start can help.
        """
        try:
            await self._start()
            async for chunk in chunks:
                await self._take(chunk)
            self._verify(await self._finish())
        except BaseException:
            await self._abandon()
            raise
        return StoredObject(key, self._base, self._crc32c, self._sha256.hexdigest())

    async def _finish(self) -> Resource:
        try:
            return await self._flush(final=True)
        except (SessionGoneError, ObjectExistsError):
            # Both are also what a lost reply to the last bytes looks like, long afterwards: is it our object?
            found = await self._resource() if self._last_in_doubt else None
            if found is None or not self._is_ours(found, self._base + self._fill):
                raise
            self._base += self._fill
            return found

    async def _start(self) -> None:
        response = await self._cloud.call(
            "POST",
            f"/upload/storage/v1/b/{self._bucket}/o",
            params={"uploadType": "resumable", "name": self._name, **self._conditions},
            json={},
        )
        self._session = response.headers["Location"]

    async def _take(self, chunk: bytes) -> None:
        self._crc32c = crc32c(chunk, self._crc32c)
        rest = memoryview(chunk)
        while rest:
            if self._fill == len(self._buffer):  # only now: so the last chunk is never an empty one
                await self._flush(final=False)
            count = min(len(self._buffer) - self._fill, len(rest))
            self._buffer[self._fill : self._fill + count] = rest[:count]
            self._fill += count
            rest = rest[count:]

    async def _flush(self, *, final: bool) -> Resource:
        """Send the buffer until all of it is kept; returns the object's resource once it is whole."""
        view = memoryview(self._buffer)[: self._fill]
        await asyncio.to_thread(self._sha256.update, view)
        end = self._base + self._fill
        total = str(end) if final else "*"
        self._last_was_sent = final
        kept, in_doubt, patience = self._base, False, self._cloud.patience()
        while final or kept < end:
            rest = None if in_doubt else view[kept - self._base :]
            try:
                answer = await self._put(rest, kept, total)
                if answer.is_success:
                    self._base = end
                    return dict(answer.json())
                now = self._kept(answer, end)
            except SessionGoneError as gone:
                now = await self._start_again(gone)
            except TranscriptsError as error:
                await patience.after(error)
                in_doubt = True
                self._last_in_doubt |= final
                continue
            if now > kept:
                patience.progress()
            elif not in_doubt:
                await patience.after(StorageError("Cloud Storage keeps nothing of what is sent. Try again."))
            kept, in_doubt = now, False
        self._base, self._fill = end, 0
        return {}

    async def _put(self, rest: memoryview | None, start: int, total: str) -> httpx.Response:
        """Send what is not kept yet; None: only ask. Returns a success or a 308, raises anything else."""
        span = f"{start}-{start + len(rest) - 1}" if rest else "*"
        headers = {"Content-Length": str(len(rest or b"")), "Content-Range": f"bytes {span}/{total}"}
        if total != "*":
            headers["X-Goog-Hash"] = f"crc32c={crc32c_text(self._crc32c)}"
        content = _slices(rest) if rest else None
        answer = await self._cloud.ask("PUT", self._session, headers=headers, content=content)
        if answer.is_success or answer.status_code == UNSTARTED:
            return answer
        if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            raise SessionGoneError
        raise refusal(answer)

    def _kept(self, answer: httpx.Response, end: int) -> int:
        """How many bytes of the object Cloud Storage has; without a Range there are none."""
        last = answer.headers.get("Range", "").rpartition("-")[2]
        kept = int(last) + 1 if last else 0
        if not self._base <= kept <= end:  # what it lost we have no more, or it has what we never sent
            raise SessionGoneError(
                "Cloud Storage lost a part of the upload. Nothing was kept; send it again."
            )
        return kept

    async def _start_again(self, gone: SessionGoneError) -> int:
        """A new session, where the buffer still holds everything from the first byte on; 0 bytes are kept then."""
        if self._base:
            raise gone
        await self._start()
        return 0

    async def _resource(self) -> Resource | None:
        path = self._cloud.object_path(self._bucket, self._name)
        try:
            response = await self._cloud.call("GET", path, params={"fields": "generation,size,crc32c"})
        except ObjectMissingError:
            return None
        return dict(response.json())

    def _is_ours(self, resource: Resource, size: int) -> bool:
        return int(resource["size"]) == size and crc32c_value(resource["crc32c"]) == self._crc32c

    def _verify(self, resource: Resource) -> None:
        if not self._is_ours(resource, self._base):
            raise StorageError("The recording was damaged on its way to Cloud Storage. Send it again.")

    async def _abandon(self) -> None:
        """Leave nothing: not the session, nor the object where the last bytes were on their way already."""
        if not self._session:
            return
        with suppress(TranscriptsError, TimeoutError):
            async with asyncio.timeout(_ABANDON_S):
                if self._last_was_sent:
                    answer = await self._put(None, 0, "*")
                    if answer.is_success:
                        await self._delete(answer.json()["generation"])
                        return
                await self._cloud.ask("DELETE", self._session, headers={"Content-Length": "0"})

    async def _delete(self, generation: str) -> None:
        path = self._cloud.object_path(self._bucket, self._name)
        await self._cloud.call("DELETE", path, params={"ifGenerationMatch": generation})


async def _slices(view: memoryview) -> AsyncIterator[bytes]:
    """The bytes in small copies: the transport keeps what it is given until it is sent."""
    for start in range(0, len(view), _SLICE):
        yield bytes(view[start : start + _SLICE])
