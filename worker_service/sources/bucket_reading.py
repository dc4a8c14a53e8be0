"""Recordings in buckets that the owner has listed: read in one generation, within bounds, checked at the end."""

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Final, Self

from shared.errors import (
    ObjectMissingError,
    SourceRefusedError,
    SourceUnavailableError,
    StorageError,
    StorageMisconfiguredError,
    TooLargeError,
)
from shared.settings import WorkerSettings
from shared.sources.buckets import buckets_of, object_of
from shared.storage import cloud_of

if TYPE_CHECKING:
    from shared.storage.gcs_http import CloudStorage

_FIELDS: Final = "generation,size"


class BucketReader:
    """Reads objects of the buckets of TRANSCRIPTS_INGEST_BUCKETS; errors are of the source, never of our store."""

    def __init__(self, cloud: "CloudStorage", buckets: Sequence[str]) -> None:
        """`cloud` is closed with the reader."""
        self._cloud = cloud
        self._buckets = buckets

    @classmethod
    def of(cls, settings: WorkerSettings) -> Self | None:
        """The reader of the settings, None where they list no bucket; SetupError where the list is wrong."""
        buckets = buckets_of(settings.ingest_buckets, settings.storage_url, settings.google_bucket)
        return cls(cloud_of(settings), buckets) if buckets else None

    async def body(self, uri: str, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """The object's bytes; a broken connection is taken up in the same generation, the whole checked by CRC32C.

        Raises SourceRefusedError for what stays as it is, SourceUnavailableError for what may change, TooLargeError.
        """
        # A third of a second of imports that a worker without buckets does without.
        from shared.storage.gcs_reading import Reading, read  # noqa: PLC0415

        try:
            found = object_of(uri, self._buckets)
        except ValueError as error:
            raise SourceRefusedError(f"The object cannot be read: its URI {error}.") from None
        path = self._cloud.object_path(found.bucket, found.name)
        try:
            about = (await self._cloud.call("GET", path, params={"fields": _FIELDS})).json()
            if int(about["size"]) > max_bytes:
                raise TooLargeError(
                    f"The object has {about['size']} bytes, more than the {max_bytes} that this server takes.",
                    max_bytes=max_bytes,
                )
            async for chunk in read(self._cloud, Reading(path, generation=about["generation"])):
                yield chunk
        except ObjectMissingError:
            raise SourceRefusedError(
                "There is no such object in the bucket, or it was replaced while it was read."
            ) from None
        except StorageMisconfiguredError as error:
            raise SourceRefusedError(
                f"Cloud Storage does not let this server read gs://{found.bucket}: give its service account "
                "roles/storage.objectViewer there, and retry the job."
            ) from error
        except StorageError as error:
            raise SourceUnavailableError(
                f"The object cannot be read now: {error.detail} It is tried again by itself."
            ) from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self._cloud.aclose()
