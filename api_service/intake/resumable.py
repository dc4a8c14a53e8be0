"""The use cases of resumable uploads: announce one, send bytes, look, take back.

Bytes become objects as they come, of at most 16 MiB each, and count once their row is committed: an API that is
killed has lost at most what it had not acknowledged, and another replica goes on. Two who send to one upload at
once are told apart by where the upload stood: the row decides, and the loser's objects are deleted.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from api_service.access.callers import Caller
from api_service.intake.part_stream import PartStream
from api_service.intake.tus import Announcement, Checksum
from api_service.intake.uploads import awake, no_recording, too_large
from shared.database import Pool, outlast
from shared.errors import (
    ChecksumMismatchError,
    ConflictError,
    EmptyUploadError,
    InvalidRequestError,
    StorageError,
    TooLargeError,
    UploadOffsetError,
)
from shared.ids import new_id
from shared.observation.logs import get_logger
from shared.ports import DirectUpload, ObjectStore
from shared.scopes import Scope
from shared.sources.containers import HEAD_BYTES, sniff
from shared.uploads import StoredPart, UploadRecord, UploadRepository

log = get_logger(__name__)

DEFAULT_MEDIA_TYPE: Final = "application/octet-stream"
_BEGIN_S: Final = 3_600  # how long a signed start is good for; every look at the upload gives a new one


class ResumableUploads:
    """What a caller can do with uploads."""

    def __init__(self, *, pool: Pool, store: ObjectStore, max_bytes: int, kept_for: timedelta) -> None:
        """`kept_for`: how long an unfinished upload is kept after its newest byte."""
        self._uploads = UploadRepository(pool)
        self._store = store
        self._max_bytes = max_bytes
        self._kept_for = kept_for

    async def create(self, caller: Caller, size: int, said: Announcement) -> UploadRecord:
        """Announce an upload of `size` bytes; TooLargeError, EmptyUploadError."""
        if size > self._max_bytes:
            raise too_large(self._max_bytes)
        if size == 0:
            raise EmptyUploadError
        now = datetime.now(UTC)
        upload = UploadRecord(
            id=caller.id_for("upload"),
            tenant_id=caller.tenant_id,
            size=size,
            received=0,
            crc32c=0,
            filename=said.filename,
            media_type=said.media_type,
            expected_crc32c=said.crc32c,
            upload_metadata=said.header,
            session_id=None,
            expires_at=now + self._kept_for,
            created_at=now,
        )
        await self._uploads.create(upload)
        log.info("upload announced", upload_id=str(upload.id), size=size)
        return await self._uploads.get(upload.id, caller.tenant_id)

    async def get(self, caller: Caller, upload_id: UUID) -> UploadRecord:
        """One upload as it stands, sent here or straight to the store; NotFoundError, UploadExpiredError."""
        upload = await self._uploads.get(upload_id, caller.tenant_id)
        if upload.received == 0 and upload.session_id is None:
            there = await self._store.size(upload.direct_key)
            if there is not None:
                return replace(upload, received=there)
        return upload

    async def direct(self, caller: Caller, upload: UploadRecord) -> DirectUpload | None:
        """How the caller may send it straight to the store; None where it cannot, or has begun to send it here."""
        if Scope.SESSIONS_WRITE not in caller.scopes or upload.received or upload.session_id is not None:
            return None
        try:
            return await self._store.direct_upload(
                upload.direct_key,
                size=upload.size,
                media_type=upload.media_type or DEFAULT_MEDIA_TYPE,
                seconds=_BEGIN_S,
            )
        except StorageError as error:  # this way is shut, the other one is open
            log.warning("no direct upload is offered", reason=error.detail)
            return None

    async def receive(
        self,
        caller: Caller,
        upload_id: UUID,
        *,
        offset: int,
        chunks: AsyncIterator[bytes],
        declared: int | None = None,
        checksum: Checksum | None = None,
    ) -> UploadRecord:
        """Store the bytes that follow `offset`, `declared` of them; returns the upload as it stands then.

        Raises UploadOffsetError where it stands elsewhere, TooLargeError for bytes beyond its size,
        ChecksumMismatchError, UnsupportedMediaError for first bytes of no recording. What came before the body
        broke is kept, and what broke it is raised; with a checksum all of the body is kept or none.
        """
        upload = await self.get(caller, upload_id)
        if offset != upload.received:
            raise _elsewhere(upload)
        room = upload.size - offset
        if declared is not None and declared > room:
            raise _too_much(upload, "Nothing of it was kept.")
        body = PartStream(awake(chunks), room=room, crc32c_before=upload.crc32c, checksum=checksum)
        if offset == 0:
            await _recognise(body, upload)
        if checksum is None:
            upload = await self._store_parts(upload, body)
        else:
            upload = await self._store_checked(upload, body, checksum)
        if body.error is not None:
            raise body.error
        if body.overflowed:
            raise _too_much(upload, "What fits was kept." if checksum is None else "Nothing of it was kept.")
        return upload

    async def delete(self, caller: Caller, upload_id: UUID) -> None:
        """Erase what was received; NotFoundError. A session that was made of it stays."""
        upload = await self._uploads.get(upload_id, caller.tenant_id)
        await self._store.delete_prefix(upload.prefix)
        await self._uploads.delete(upload_id, caller.tenant_id)

    async def _store_parts(self, upload: UploadRecord, body: PartStream) -> UploadRecord:
        """Commit part after part: each is kept whatever becomes of the next."""
        while await body.more():
            part = await self._put(upload, upload.received, body)
            upload = await self._commit(upload, [part])
        return upload

    async def _store_checked(
        self, upload: UploadRecord, body: PartStream, checksum: Checksum
    ) -> UploadRecord:
        """Commit all parts at the end, once the checksum holds."""
        parts: list[StoredPart] = []
        try:
            while await body.more():
                parts.append(await self._put(upload, parts[-1].end if parts else upload.received, body))
        except BaseException:
            await self._discard(parts)
            raise
        if body.error is not None or body.overflowed:
            await self._discard(parts)
            return upload
        if not checksum.holds():
            await self._discard(parts)
            raise ChecksumMismatchError
        return await self._commit(upload, parts) if parts else upload

    async def _put(self, upload: UploadRecord, start: int, body: PartStream) -> StoredPart:
        key = f"{upload.prefix}/parts/{start:015}-{new_id()}"
        stored = await self._store.put(key, body.part())
        return StoredPart(start, start + stored.size, key, body.crc32c)

    async def _commit(self, upload: UploadRecord, parts: list[StoredPart]) -> UploadRecord:
        expires_at = await outlast(lambda: self._uploads.add(upload.id, parts, kept_for=self._kept_for))
        if expires_at is None:
            if await self._is_committed(upload, parts):  # by a try whose answer was lost
                expires_at = upload.expires_at
            else:
                await self._discard(parts)
                raise _elsewhere(await self._uploads.get(upload.id, upload.tenant_id))
        last = parts[-1]
        return replace(upload, received=last.end, crc32c=last.crc32c, expires_at=expires_at)

    async def _is_committed(self, upload: UploadRecord, parts: list[StoredPart]) -> bool:
        return {part.key for part in parts} <= set(await self._uploads.parts(upload.id))

    async def _discard(self, parts: list[StoredPart]) -> None:
        """Delete objects that nothing names; what cannot be deleted now goes with the upload."""
        with suppress(StorageError):
            for part in parts:
                await self._store.delete_prefix(part.key)


async def _recognise(body: PartStream, upload: UploadRecord) -> None:
    """Refuse what is no recording at its first bytes, where there are enough of them to tell."""
    head = await body.head(HEAD_BYTES)
    if len(head) >= min(HEAD_BYTES, upload.size) and sniff(head) is None:
        raise no_recording(head)


def _too_much(upload: UploadRecord, kept: str) -> TooLargeError:
    return TooLargeError(
        f"More was sent than the {upload.size} bytes that were announced. {kept}", max_bytes=upload.size
    )


def _elsewhere(upload: UploadRecord) -> ConflictError | InvalidRequestError:
    if upload.session_id is not None:
        return ConflictError("The upload was made into a session.", session_id=str(upload.session_id))
    return UploadOffsetError(
        f"The upload stands at byte {upload.received}. Go on from there; what was received is kept.",
        received=upload.received,
    )
