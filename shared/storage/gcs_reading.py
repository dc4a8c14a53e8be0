"""How an object of Cloud Storage is read: through broken connections, in one generation, checked at the end."""

from collections.abc import AsyncIterator

import httpx

from shared.checksums import crc32c, crc32c_value
from shared.errors import RangeError, StorageError
from shared.storage.gcs_http import CloudStorage


async def read(cloud: CloudStorage, reading: "Reading") -> AsyncIterator[bytes]:
    """The bytes; a connection that breaks is taken up where it broke, in the same generation.

    A whole object is checked against its CRC32C: StorageError at its end where it differs.
    """
    patience = cloud.patience()
    while not reading.done:
        before = reading.position
        try:
            async for chunk in reading.chunks(cloud):
                yield chunk
        except StorageError as error:
            if reading.position > before:
                patience.progress()
            await patience.after(error)
    reading.check()


class Reading:
    """How far an object, or a part of it, has been read."""

    def __init__(
        self, path: str, start: int = 0, length: int | None = None, *, generation: str | None = None
    ) -> None:
        """`path` is the object's resource; `generation` None: the one that the first answer is of."""
        self._path = path
        self._whole = start == 0 and length is None
        self._end = None if length is None else start + length  # exclusive
        self._generation = generation
        self._crc32c = 0
        self._expected: int | None = None
        self.position = start
        self.done = length == 0

    async def chunks(self, cloud: CloudStorage) -> AsyncIterator[bytes]:
        """The bytes from `position` on; raises StorageError where they stop too early."""
        query = {"alt": "media"} | ({"generation": self._generation} if self._generation else {})
        try:
            async with cloud.stream(self._path, params=query, headers=self._headers()) as response:
                self._begin(response)
                async for chunk in response.aiter_raw():
                    self.position += len(chunk)
                    if self._whole:
                        self._crc32c = crc32c(chunk, self._crc32c)
                    yield chunk
        except RangeError:
            pass  # nothing is there from `position` on
        self.done = True

    def check(self) -> None:
        """StorageError where a whole object was read, and was not what Cloud Storage has."""
        if self._whole and self._expected not in (None, self._crc32c):
            raise StorageError("The recording was damaged on its way from Cloud Storage. Try again.")

    def _headers(self) -> dict[str, str]:
        # "gzip" says: as it is stored. Without it, an object that calls itself gzipped would come unpacked.
        headers = {"Accept-Encoding": "gzip"}
        if self.position or self._end is not None:
            headers["Range"] = f"bytes={self.position}-{'' if self._end is None else self._end - 1}"
        return headers

    def _begin(self, response: httpx.Response) -> None:
        """Keep to the generation that the first answer is of, and remember its checksum."""
        self._generation = self._generation or response.headers.get("X-Goog-Generation")
        if self._expected is None:
            sums = response.headers.get("X-Goog-Hash", "").split(",")
            named = dict(part.strip().partition("=")[::2] for part in sums)
            self._expected = crc32c_value(named["crc32c"]) if "crc32c" in named else None
