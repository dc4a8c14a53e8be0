"""The use cases of sessions: take a recording in, list, change, transcribe again, erase."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import asyncpg

from api_service.bell import Bell
from api_service.callers import Caller
from api_service.drafts import Order, draft_job, order_of
from api_service.engines import Offer
from api_service.uploads import Upload
from shared.database import AWAY, Pool, outlast
from shared.errors import CancelledByUserError, NotFoundError, ObjectMissingError
from shared.jobs import JobRepository
from shared.lifecycle import JobStatus
from shared.logs import get_logger
from shared.orders import JobOrder, SessionForm, SessionPatch
from shared.ports import ObjectStore, StoredObject
from shared.records import JobRecord, SessionRecord
from shared.sessions import SessionFilter, SessionRepository

log = get_logger(__name__)

_IN_DOUBT: Final = (*AWAY, asyncio.CancelledError)
_UNTITLED: Final = "Untitled recording"
_MAX_TITLE: Final = 200


class Sessions:
    """What a caller can do with sessions."""

    def __init__(self, *, pool: Pool, store: ObjectStore, bell: Bell, offer: Offer) -> None:
        self._sessions = SessionRepository(pool)
        self._jobs = JobRepository(pool)
        self._store = store
        self._bell = bell
        self._offer = offer

    async def submit(self, caller: Caller, upload: Upload) -> tuple[SessionRecord, JobRecord]:
        """Store the recording, commit its session with a queued job, and only then ring (F2).

        Whatever goes wrong before the commit leaves nothing behind.
        """
        await upload.open()
        session_id = caller.id_for("session")
        stored = await self._store.put(_source_key(caller, session_id), upload.recording())
        job = draft_job(caller, session_id, **self._order(upload.form))
        draft = _draft(caller, session_id, job, upload, stored)
        try:
            if caller.claim is not None:
                await caller.claim.seal(upload.fingerprint("/v1/sessions", stored.sha256 or ""))
            await outlast(lambda: self._create(draft, job))
            session = await self._sessions.get(session_id, caller.tenant_id)
        except BaseException as error:
            # In doubt, what an Idempotency-Key can find again is kept: the session may be there, and need it.
            if caller.claim is None or not isinstance(error, _IN_DOUBT):
                await self._store.delete_prefix(stored.key)
            raise
        if session.audio_key != stored.key:  # the request was carried out before, and not answered
            await self._store.delete_prefix(stored.key)
        log.info("session stored", session_id=str(session_id), job_id=str(job.id), size=stored.size)
        await self._bell.ring(job)
        return session, await self._jobs.get(job.id, caller.tenant_id)

    async def get(self, caller: Caller, session_id: UUID) -> SessionRecord:
        """One session; NotFoundError."""
        return await self._sessions.get(session_id, caller.tenant_id)

    async def page(
        self, caller: Caller, wanted: SessionFilter, *, limit: int, before: UUID | None
    ) -> list[SessionRecord]:
        """A page of sessions, newest first."""
        return await self._sessions.page(caller.tenant_id, wanted, limit=limit, before=before)

    async def patch(self, caller: Caller, session_id: UUID, patch: SessionPatch) -> SessionRecord:
        """Change what the patch names; NotFoundError."""
        given = patch.model_dump(exclude_unset=True)
        if "delete_after" in given:
            given["delete_after"] = (given["delete_after"],)  # boxed: None is a value of it
        return await self._sessions.patch(session_id, caller.tenant_id, **given)

    async def again(self, caller: Caller, session_id: UUID, wanted: JobOrder) -> JobRecord:
        """Transcribe the session again; ConflictError while a job of it is active (F9)."""
        session = await self._sessions.get(session_id, caller.tenant_id)
        if session.transcription_job_id is None:
            raise NotFoundError
        last = await self._jobs.get(session.transcription_job_id, caller.tenant_id)
        order = self._again(session, last, wanted.model_dump(exclude_unset=True))
        if await self._store.size(session.audio_key) is None:
            raise ObjectMissingError
        job = draft_job(caller, session_id, **order)
        await self._jobs.add(job)
        await self._bell.ring(job)
        return await self._jobs.get(job.id, caller.tenant_id)

    async def erase(self, caller: Caller, session_id: UUID) -> None:
        """Cancel what runs, then erase recording, transcript and rows; the ledger is kept (F13, F32)."""
        session = await self._sessions.get(session_id, caller.tenant_id)
        if session.transcription_job_id is not None:
            reason = CancelledByUserError("The session was deleted.")
            await self._jobs.cancel(session.transcription_job_id, caller.tenant_id, reason)
        # Objects first: a store that fails leaves the row, by which the caller can try again.
        await self._store.delete_prefix(f"sessions/{session_id}/")
        await self._sessions.delete(session_id, caller.tenant_id)
        self._bell.place_freed()
        log.info("session erased", session_id=str(session_id))

    async def _create(self, session: SessionRecord, job: JobRecord) -> None:
        try:
            await self._jobs.create(session, job)
        except asyncpg.UniqueViolationError:
            log.info("an earlier try was committed, only its answer was lost", session_id=str(session.id))

    def _order(self, form: SessionForm) -> Order:
        engine = self._offer.choose(form.engine)
        return Order(
            engine=engine.name,
            model=form.model,
            language=form.language,
            speakers=form.speakers,
            diarization=form.diarization,
            phrases=form.phrases,
            priority=form.priority,
            processing=form.processing,
        )

    def _again(self, session: SessionRecord, last: JobRecord, given: Mapping[str, Any]) -> Order:
        """The last order with what is given in its place; the language is the one asked for, not the one heard."""
        order = order_of(last) | {"language": session.language}
        wanted = {name: value for name, value in given.items() if value is not None or name == "language"}
        engine = self._offer.choose(wanted.get("engine") or last.engine)
        if engine.name != last.engine:
            order |= {"model": None, "engine": engine.name}
        merged: Order = {**order, **wanted}  # type: ignore[typeddict-item]
        engine.check(
            language=merged["language"],
            model=merged["model"],
            speakers=merged["speakers"],
            diarization=merged["diarization"],
        )
        return merged


def _draft(
    caller: Caller, session_id: UUID, job: JobRecord, upload: Upload, stored: StoredObject
) -> SessionRecord:
    form = upload.form
    return SessionRecord(
        id=session_id,
        tenant_id=caller.tenant_id,
        title=form.title or _title(upload.filename),
        language=form.language,
        status=JobStatus.QUEUED,
        transcription_job_id=job.id,
        audio_key=stored.key,
        audio_filename=upload.filename,
        audio_container=upload.container.name,
        audio_size=stored.size,
        audio_sha256=stored.sha256 or "",
        duration_ms=None,
        metadata=form.metadata,
        delete_after=form.delete_after,
        created_at=job.created_at,
        updated_at=job.updated_at,
    )


def _source_key(caller: Caller, session_id: UUID) -> str:
    """Where the recording is stored; apart from where an earlier try of the same request may have stored it."""
    again = f"again-{caller.claim.attempt}/" if caller.claim is not None and caller.claim.attempt > 1 else ""
    return f"sessions/{session_id}/{again}source"


def _title(filename: str | None) -> str:
    """A title from the file's name: without folders, which some browsers send, and without its extension."""
    name = (filename or "").replace("\\", "/").rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    return stem.strip()[:_MAX_TITLE] or _UNTITLED
