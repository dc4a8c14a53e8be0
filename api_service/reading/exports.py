"""The use cases of files: one transcript as a file, and many transcripts as one zip that is made as it is sent."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import UUID

from api_service.access.callers import Caller
from shared.database import Pool
from shared.errors import InvalidRequestError, NotFoundError, NotReadyError
from shared.exports import FORMATS, ExportOptions
from shared.exports.filenames import file_name
from shared.records import SessionRecord
from shared.redaction.redact import redact
from shared.redaction.rules import Redaction
from shared.sessions import SessionFilter, SessionRepository
from shared.transcript import Transcript
from shared.transcripts.repository import TranscriptRepository

MOST_SESSIONS: Final = 1_000
CONTENTS: Final = "contents.json"
"""The member of a zip that tells which file is of which session, and which sessions have none yet."""


@dataclass(frozen=True, slots=True)
class Look:
    """How files are laid out, and what is taken out of them."""

    options: ExportOptions
    redactions: frozenset[Redaction]


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file: its name, its media type, its bytes, and the revision of the transcript that it is of."""

    name: str
    media_type: str
    content: bytes
    revision: int


class Exports:
    """What a caller can have as files."""

    def __init__(self, pool: Pool) -> None:
        self._sessions = SessionRepository(pool)
        self._transcripts = TranscriptRepository(pool)

    async def one(self, caller: Caller, session_id: UUID, kind: str, look: Look) -> ExportedFile:
        """A transcript as a file; NotFoundError, NotReadyError."""
        transcript = await self._transcripts.load(session_id, caller.tenant_id)
        # Hours of speech take tenths of a second to lay out: not on the loop (F17).
        return await asyncio.to_thread(_rendered, transcript, kind, look)

    async def chosen(
        self, caller: Caller, session_ids: Sequence[UUID], wanted: SessionFilter
    ) -> list[SessionRecord]:
        """The sessions of a zip: those with the ids, or those that the filter finds, newest first.

        Raises NotFoundError for an id that is unknown, or where there is no session at all, and
        InvalidRequestError where there are too many.
        """
        if session_ids:
            unique = dict.fromkeys(session_ids)
            return [await self._sessions.get(session_id, caller.tenant_id) for session_id in unique]
        found = await self._sessions.page(caller.tenant_id, wanted, limit=MOST_SESSIONS + 1)
        if not found:
            raise NotFoundError("No session is like that, so there is nothing to export.")
        if len(found) > MOST_SESSIONS:
            raise InvalidRequestError(
                f"More than {MOST_SESSIONS} sessions are like that. Narrow them down by `created_after` and "
                "`created_before`."
            )
        return found

    async def zip(
        self, caller: Caller, sessions: Sequence[SessionRecord], kinds: Sequence[str], look: Look
    ) -> AsyncIterator[bytes]:
        """The zip, piece by piece: one transcript is held at a time, however many there are."""
        archive = _Archive()
        for session in sessions:
            try:
                transcript = await self._transcripts.load(session.id, caller.tenant_id)
            except (NotReadyError, NotFoundError) as error:
                archive.leave_out(session, error.detail)
                continue
            yield await asyncio.to_thread(archive.add, session, transcript, kinds, look)
        yield await asyncio.to_thread(archive.close)


def _rendered(transcript: Transcript, kind: str, look: Look) -> ExportedFile:
    shown = redact(transcript, look.redactions)
    format_ = FORMATS[kind]
    name = file_name(shown.title, format_.extension)
    return ExportedFile(name, format_.media_type, format_.render(shown, look.options), transcript.revision)


@dataclass(slots=True)
class _Archive:
    """A zip file that is taken away as it grows."""

    _buffer: io.BytesIO = field(default_factory=io.BytesIO)
    _names: set[str] = field(default_factory=set)
    _contents: list[dict[str, Any]] = field(default_factory=list)
    _zip: zipfile.ZipFile = field(init=False)

    def __post_init__(self) -> None:
        self._zip = zipfile.ZipFile(_Unseekable(self._buffer), "w", zipfile.ZIP_DEFLATED)

    def add(self, session: SessionRecord, transcript: Transcript, kinds: Sequence[str], look: Look) -> bytes:
        """Add a session's files; returns what the zip has grown by."""
        names = []
        for kind in kinds:
            file = _rendered(transcript, kind, look)
            names.append(self._free(file.name))
            self._write(names[-1], session, file.content)
        self._contents.append({"session_id": str(session.id), "files": names})
        return self._taken()

    def leave_out(self, session: SessionRecord, reason: str) -> None:
        """Note a session that has no transcript."""
        self._contents.append({"session_id": str(session.id), "files": [], "reason": reason})

    def close(self) -> bytes:
        """Write the list of contents and the end of the zip; returns what it has grown by."""
        data = json.dumps(self._contents, ensure_ascii=False, indent=2).encode()
        self._zip.writestr(zipfile.ZipInfo(CONTENTS, (1980, 1, 1, 0, 0, 0)), data)
        self._zip.close()
        return self._taken()

    def _write(self, name: str, session: SessionRecord, content: bytes) -> None:
        entry = zipfile.ZipInfo(name, session.created_at.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, content)

    def _free(self, name: str) -> str:
        """The name, with a number where another session has it: no case, since some systems know none."""
        path, number, free = PurePosixPath(name), 1, name
        while free.casefold() in self._names or free == CONTENTS:
            number += 1
            free = f"{path.stem} ({number}){path.suffix}"
        self._names.add(free.casefold())
        return free

    def _taken(self) -> bytes:
        grown = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return grown


class _Unseekable(io.RawIOBase):
    """A target that only takes bytes, so that zipfile writes sizes behind the data and never goes back."""

    def __init__(self, target: io.BytesIO) -> None:
        super().__init__()
        self._target = target

    def writable(self) -> bool:
        """It takes bytes."""
        return True

    def write(self, data: Any, /) -> int:
        """Take bytes."""
        return self._target.write(data)
