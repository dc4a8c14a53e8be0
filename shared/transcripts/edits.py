"""The repository of edits: applies them to transcripts, keeps them, undoes and redoes them.

Every change, a new transcription included, is one transaction: it locks the transcript, compares the revision that
the caller saw, writes the rows, and keeps the patch that leads there and back. Nothing that people wrote is lost
without a trace.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from shared.database import Connection, Pool, transaction
from shared.editing.content import Content, Patch, difference
from shared.editing.edits import Edit, EditKind, Replace
from shared.editing.states import EditState
from shared.errors import ConflictError, NotFoundError, StaleRevisionError, TranscriptsError
from shared.lifecycle import ACTIVE
from shared.records import Row
from shared.transcript import Segment
from shared.transcripts.heads import Head, lock_transcript
from shared.transcripts.rows import patch_from_text, patch_to_text, read_content, with_words, write_patch

ANY: Final = -1
"""The revision that matches whatever there is."""

NEVER: Final = 2**31 - 1
"""A revision that no transcript gets to."""

_KEEP: Final = (
    "INSERT INTO transcript_edit (session_id, revision, kind, patch, request_id)"
    " VALUES ($1, $2, $3, $4::text::jsonb, $5) RETURNING revision, kind, state, request_id, created_at"
)
_DROP_UNDONE: Final = (
    "UPDATE transcript_edit SET state = 'dropped' WHERE session_id = $1 AND state = 'undone'"
)
# Patches come and go as text: those of whole transcripts take a while to read, which is done on a thread.
_EDIT: Final = (
    "SELECT revision, kind, state, patch::text AS patch, request_id, created_at FROM transcript_edit"
    " WHERE session_id = $1"
)
_LAST_DONE: Final = f"{_EDIT} AND state = 'done' ORDER BY revision DESC LIMIT 1"
_NEXT_UNDONE: Final = f"{_EDIT} AND state = 'undone' ORDER BY revision LIMIT 1"


@dataclass(frozen=True, slots=True)
class EditRecord:
    """A row of `transcript_edit`; `revision` is the one that the edit made."""

    revision: int
    kind: EditKind
    state: EditState
    patch: Patch | None  # None in lists
    request_id: str | None
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row, patch: Patch | None = None) -> Self:
        """The record of a row, with its patch as it was read."""
        return cls(
            row["revision"], EditKind(row["kind"]), EditState(row["state"]), patch, row["request_id"],
            row["created_at"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an edit: the revision now, the edit (None: it changed nothing), and how it went on."""

    revision: int
    content: Content
    record: EditRecord | None
    patch: Patch


class EditRepository:
    """Edits of transcripts in Postgres, each method within one tenant and one transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def apply(
        self, session_id: UUID, tenant_id: str, edit: Edit, *, seen: int, request_id: str | None
    ) -> Outcome:
        """Apply an edit to what the caller saw at revision `seen`; one that changes nothing is no edit.

        Raises NotFoundError, NotReadyError, StaleRevisionError where what it touches has changed since, and
        what the edit itself refuses.
        """
        async with transaction(self._pool) as connection:
            head = await lock_transcript(connection, session_id, tenant_id)
            head.refuse_nothing()
            return await _apply(connection, head, edit, seen, request_id)

    async def put(
        self, session_id: UUID, tenant_id: str, edit: Edit, *, seen: int, request_id: str | None
    ) -> Outcome:
        """Apply an edit that needs nothing to start from: it may be the first content of the transcript.

        Raises NotFoundError, StaleRevisionError, and ConflictError while a job is active, which would replace it.
        """
        async with transaction(self._pool) as connection:
            head = await lock_transcript(connection, session_id, tenant_id)
            if head.status in ACTIVE:
                raise ConflictError(
                    "The session is being transcribed, and that would replace what you send. Cancel the job first, "
                    "or wait for it.",
                    job_id=str(head.newest_job_id),
                )
            return await _apply(connection, head, edit, seen, request_id)

    async def undo(self, session_id: UUID, tenant_id: str, *, seen: int) -> Outcome:
        """Undo the newest edit that is in force; ConflictError where there is none."""
        return await self._step(session_id, tenant_id, seen, _LAST_DONE, EditState.UNDONE)

    async def redo(self, session_id: UUID, tenant_id: str, *, seen: int) -> Outcome:
        """Redo what was undone last; ConflictError where nothing was, or another edit came in between."""
        return await self._step(session_id, tenant_id, seen, _NEXT_UNDONE, EditState.DONE)

    async def page(
        self, session_id: UUID, tenant_id: str, *, limit: int, before: int | None = None
    ) -> list[EditRecord]:
        """The edits of a session, newest first, `before` a revision."""
        await self._check(session_id, tenant_id)
        rows = await self._pool.fetch(
            "SELECT revision, kind, state, request_id, created_at FROM transcript_edit"
            " WHERE session_id = $1 AND ($2::int IS NULL OR revision < $2) ORDER BY revision DESC LIMIT $3",
            session_id, before, limit,
        )  # fmt: skip
        return [EditRecord.from_row(row) for row in rows]

    async def get(self, session_id: UUID, tenant_id: str, revision: int) -> EditRecord:
        """The edit that made this revision; NotFoundError where there is none."""
        await self._check(session_id, tenant_id)
        row = await self._pool.fetchrow(f"{_EDIT} AND revision = $2", session_id, revision)
        if row is None:
            raise NotFoundError("No edit made this revision, or the history was deleted.")
        return EditRecord.from_row(row, await asyncio.to_thread(patch_from_text, row["patch"]))

    async def forget(self, session_id: UUID, tenant_id: str) -> int:
        """Delete the history, and with it what edits replaced; the transcript stays. Returns how many there were."""
        await self._check(session_id, tenant_id)
        rows = await self._pool.fetch(
            "DELETE FROM transcript_edit WHERE session_id = $1 RETURNING 1", session_id
        )
        return len(rows)

    async def _check(self, session_id: UUID, tenant_id: str) -> None:
        found = await self._pool.fetchval(
            "SELECT 1 FROM session WHERE id = $1 AND tenant_id = $2", session_id, tenant_id
        )
        if found is None:
            raise NotFoundError

    async def _step(
        self, session_id: UUID, tenant_id: str, seen: int, query: str, target: EditState
    ) -> Outcome:
        async with transaction(self._pool) as connection:
            head = await lock_transcript(connection, session_id, tenant_id)
            head.refuse_nothing()
            if seen not in (ANY, head.revision):
                raise StaleRevisionError(revision=head.revision)
            row = await connection.fetchrow(query, session_id)
            if row is None:
                what = "undo" if target is EditState.UNDONE else "redo"
                raise ConflictError(f"There is nothing to {what}.")
            patch = await asyncio.to_thread(_turned, row["patch"], target)
            before = await read_content(connection, session_id, head.job_id, words=False)
            before = await with_words(connection, session_id, before, _run_of_patch(patch))
            content = await asyncio.to_thread(patch.applied, before)
            revision = await _write(connection, head, patch)
            await connection.execute(
                "UPDATE transcript_edit SET state = $3 WHERE session_id = $1 AND revision = $2",
                session_id, row["revision"], target,
            )  # fmt: skip
            return Outcome(revision, content, replace(EditRecord.from_row(row), state=target), patch)


async def apply_locked(
    connection: Connection, head: Head, edit: Edit, *, seen: int = ANY, request_id: str | None = None
) -> Outcome:
    """Apply an edit inside the caller's transaction, to a transcript that it has locked.

    The first content of a transcript is no edit: there is nothing that undoing it could lead back to.
    """
    return await _apply(connection, head, edit, seen, request_id)


async def _apply(
    connection: Connection, head: Head, edit: Edit, seen: int, request_id: str | None
) -> Outcome:
    before = await _read_for(connection, head, edit)
    # What takes time with hours of words is done on a thread, here and below: nobody else has to wait for it (F17).
    fresh, after, patch = await asyncio.to_thread(_work_out, head, edit, before, seen)
    if not patch and head.revision:
        return Outcome(head.revision, before, None, patch)  # also where an answer was lost and it comes again
    if not fresh:
        raise StaleRevisionError(revision=head.revision)
    revision = await _write(connection, head, patch)
    if head.revision == 0:
        return Outcome(revision, after, None, patch)
    await connection.execute(_DROP_UNDONE, head.session_id)
    text = await asyncio.to_thread(patch_to_text, patch)
    kept = await connection.fetchrow(_KEEP, head.session_id, revision, edit.kind, text, request_id)
    assert kept is not None
    return Outcome(revision, after, EditRecord.from_row(kept), patch)


async def _read_for(connection: Connection, head: Head, edit: Edit) -> Content:
    """What the edit starts from, with the words that it needs: hours of them take tenths of a second to read."""
    if isinstance(edit, Replace):
        return await read_content(connection, head.session_id, head.job_id)
    content = await read_content(connection, head.session_id, head.job_id, words=False)
    run = await asyncio.to_thread(_run_of_edit, edit, content)
    return await with_words(connection, head.session_id, content, run)


def _run_of_edit(edit: Edit, content: Content) -> tuple[int, int] | None:
    """From the first to the last segment that an edit touches; those between are in the difference where some go."""
    try:
        numbers = [segment.n for segment in edit.touches(content) or ()]
    except NotFoundError:  # it is refused where it is applied
        return None
    return (min(numbers), max(numbers)) if numbers else None


def _run_of_patch(patch: Patch) -> tuple[int, int] | None:
    """From the first to the last segment that a patch removes."""
    removed = [(s.at, s.at + len(s.removed) - 1) for s in patch.splices if s.removed]
    return (removed[0][0], removed[-1][1]) if removed else None


def _work_out(head: Head, edit: Edit, before: Content, seen: int) -> tuple[bool, Content, Patch]:
    """Whether the caller saw what it changes, the content after the edit, and the way there."""
    fresh = _is_fresh(head, edit, before, seen)
    try:
        after = edit.apply(before)
    except TranscriptsError as error:
        if fresh:
            raise
        raise StaleRevisionError(revision=head.revision) from error
    return fresh, after, difference(before, after)


def _turned(text: str, target: EditState) -> Patch:
    """A patch as it was kept, or its way back."""
    patch = patch_from_text(text)
    return patch.inverted() if target is EditState.UNDONE else patch


def _is_fresh(head: Head, edit: Edit, content: Content, seen: int) -> bool:
    """Whether what the edit touches is as it was at the revision that the caller saw."""
    if seen in (ANY, head.revision):
        return True
    if seen > head.revision:
        return False
    try:
        touched: Sequence[Segment] | None = edit.touches(content)
    except NotFoundError:
        return False
    if touched is None:
        return seen >= head.speakers_revision
    return all(segment.version <= seen for segment in touched)


async def _write(connection: Connection, head: Head, patch: Patch) -> int:
    revision = head.revision + 1
    await write_patch(connection, head.session_id, head.tenant_id, patch, revision)
    await connection.execute(
        "UPDATE transcript SET revision = $2, speakers_revision = CASE WHEN $3 THEN $2 ELSE speakers_revision END,"
        " job_id = $4, updated_at = now() WHERE session_id = $1",
        head.session_id, revision, patch.speakers is not None, patch.jobs[1] if patch.jobs else head.job_id,
    )  # fmt: skip
    return revision
