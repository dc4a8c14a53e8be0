"""The use cases of sessions: list, change, transcribe again, erase. How they come in: `submissions`."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from api_service.access.callers import Caller
from api_service.bell import Bell
from api_service.engines import Offer
from api_service.intake.drafts import Order, draft_job, order_of
from api_service.retention import Retention
from api_service.spending import Spending
from shared.database import Pool, outlast
from shared.errors import CancelledByUserError, NotFoundError, ObjectMissingError
from shared.jobs.repository import JobRepository
from shared.observation.logs import get_logger
from shared.ports import ObjectStore
from shared.records import JobRecord, SessionRecord
from shared.schemas.orders import JobOrder, SessionPatch
from shared.sessions import SessionFilter, SessionRepository, session_prefix

log = get_logger(__name__)

_NULLABLE: Final = frozenset({"language", "fallback_engine"})  # for which null says something


class Sessions:
    """What a caller can do with sessions."""

    def __init__(
        self,
        *,
        pool: Pool,
        store: ObjectStore,
        bell: Bell,
        offer: Offer,
        spending: Spending,
        retention: Retention,
    ) -> None:
        self._retention = retention
        self._spending = spending
        self._sessions = SessionRepository(pool)
        self._jobs = JobRepository(pool)
        self._store = store
        self._bell = bell
        self._offer = offer

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
            session = await self._sessions.get(session_id, caller.tenant_id)
            kept = self._retention.delete_after(given["delete_after"], session.created_at)
            given["delete_after"] = (kept,)  # boxed: None is a value of it
        return await self._sessions.patch(session_id, caller.tenant_id, **given)

    async def again(self, caller: Caller, session_id: UUID, wanted: JobOrder) -> JobRecord:
        """Transcribe the session again; ConflictError while a job of it is active (F9)."""
        session = await self._sessions.get(session_id, caller.tenant_id)
        if session.transcription_job_id is None:
            raise NotFoundError
        last = await self._jobs.get(session.transcription_job_id, caller.tenant_id)
        order = self._again(session, last, wanted.model_dump(exclude_unset=True))
        await self._spending.check(caller.tenant_id, self._offer.choose(order["engine"]))
        if session.audio_source is None and await self._store.size(session.audio_key) is None:
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
        await self._store.delete_prefix(session_prefix(session_id))
        await outlast(lambda: self._sessions.delete(session_id, caller.tenant_id))
        if session.audio_source is not None:  # a worker may have put it there since
            await self._store.delete_prefix(session_prefix(session_id))
        self._bell.place_freed()
        log.info("session erased", session_id=str(session_id))

    def _again(self, session: SessionRecord, last: JobRecord, given: Mapping[str, Any]) -> Order:
        """The last order with what is given in its place; the language is the one asked for, not the one heard."""
        order = order_of(last) | {"language": session.language}
        wanted = {name: value for name, value in given.items() if value is not None or name in _NULLABLE}
        engine = self._offer.choose(wanted.get("engine") or order["engine"])
        if engine.name != order["engine"]:
            order |= {"model": None, "engine": engine.name}
        if engine.name == order["fallback_engine"]:
            order |= {"fallback_engine": None}
        merged: Order = {**order, **wanted}  # type: ignore[typeddict-item]
        engine.check(
            language=merged["language"],
            model=merged["model"],
            speakers=merged["speakers"],
            diarization=merged["diarization"],
        )
        self._offer.check_fallback(
            merged["fallback_engine"],
            engine.name,
            language=merged["language"],
            speakers=merged["speakers"],
            diarization=merged["diarization"],
        )
        return merged
