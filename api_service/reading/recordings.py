"""The recording as it came, whole or in part."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_service.access.callers import Caller
from shared.database import Pool
from shared.errors import NotReadyError, ObjectMissingError, RangeError, StorageError
from shared.observation.logs import get_logger
from shared.ports import ObjectStore
from shared.records import SessionRecord
from shared.sessions import SessionRepository
from shared.sources.containers import by_name

log = get_logger(__name__)

_ADDRESS_S: Final = 6 * 3_600  # a player asks the same address again while somebody listens
_RANGE: Final = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end`, both inclusive."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.start + 1


class Recordings:
    """Reads recordings out of the store."""

    def __init__(self, *, pool: Pool, store: ObjectStore) -> None:
        self._sessions = SessionRepository(pool)
        self._store = store

    async def find(self, caller: Caller, session_id: UUID) -> tuple[SessionRecord, int]:
        """The session whose recording is there, and its size; NotFoundError, NotReadyError, ObjectMissingError."""
        session = await self._sessions.get(session_id, caller.tenant_id)
        if session.audio_source is not None:
            raise NotReadyError("The recording is still to be fetched. Follow the job, then ask again.")
        size = await self._store.size(session.audio_key)
        if size is None:
            raise ObjectMissingError
        return session, size

    async def address(self, session: SessionRecord, disposition: str) -> str | None:
        """Where the store itself gives the recording out, for some hours; None where it does not."""
        try:
            return await self._store.download_url(
                session.audio_key,
                seconds=_ADDRESS_S,
                disposition=disposition,
                media_type=media_type(session),
            )
        except StorageError as error:  # no key to sign with: the bytes go through us
            log.warning("no address is signed", reason=error.detail)
            return None

    def read(self, session: SessionRecord, span: Span) -> AsyncIterator[bytes]:
        """The bytes of the span."""
        return self._store.read(session.audio_key, span.start, span.length)


def media_type(session: SessionRecord) -> str:
    """The recording's media type: as its bytes said, not its name (F23)."""
    container = by_name(session.audio_container or "")
    return container.media_type if container else "application/octet-stream"


def span_of(header: str | None, size: int) -> Span | None:
    """The one range that a Range header asks for (RFC 9110, section 14.2).

    None where the whole is to be sent: no header, another unit, several ranges, or what is no range at all.
    Raises RangeError where the range lies outside.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        if not int(last):
            raise RangeError(size=size)
        return Span(max(size - int(last), 0), size - 1)
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeError(size=size)
    return Span(start, end)
