"""How recordings come in: in a form, or as an upload that is whole already; each becomes a session with a job."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

from api_service.access.callers import Caller
from api_service.bell import Bell
from api_service.engines import Offer
from api_service.intake.drafts import Order, draft_job, title_of
from api_service.intake.places import Places
from api_service.intake.uploads import Upload, no_recording
from api_service.retention import Retention
from api_service.spending import Spending
from api_service.webhooks import Webhooks
from shared.database import AWAY, Connection, Pool, outlast
from shared.errors import (
    ConflictError,
    StorageError,
    UploadDamagedError,
    UploadIncompleteError,
)
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus
from shared.observation.logs import get_logger
from shared.ports import ObjectStore, StoredObject
from shared.records import JobRecord, SessionRecord
from shared.schemas.orders import RecordingOrder, SessionForm
from shared.sessions import SessionRepository, session_prefix
from shared.sources.containers import HEAD_BYTES, Container, sniff
from shared.uploads import UploadRecord, UploadRepository

log = get_logger(__name__)

_IN_DOUBT: Final = (*AWAY, asyncio.CancelledError)

Submitted = tuple[SessionRecord, JobRecord]
Within = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Recording:
    """What is known of a recording when its session is made; None: not yet."""

    key: str
    filename: str | None
    container: Container | None = None
    size: int | None = None
    sha256: str | None = None
    source: str | None = field(default=None, repr=False)


class Submissions:
    """Takes recordings in."""

    def __init__(
        self,
        *,
        pool: Pool,
        store: ObjectStore,
        bell: Bell,
        offer: Offer,
        spending: Spending,
        places: Places,
        webhooks: Webhooks,
        retention: Retention,
    ) -> None:
        self._places = places
        self._retention = retention
        self._sessions = SessionRepository(pool)
        self._jobs = JobRepository(pool)
        self._uploads = UploadRepository(pool)
        self._store = store
        self._bell = bell
        self._offer = offer
        self._spending = spending
        self._webhooks = webhooks

    async def of_form(self, caller: Caller, upload: Upload) -> Submitted:
        """Store the recording, commit its session with a queued job, and only then ring (F2).

        Whatever goes wrong before the commit leaves nothing behind.
        """
        await upload.open()
        await self._signer(caller, upload.form)  # before a recording is sent for nothing
        await self._spending.check(caller.tenant_id, self._offer.choose(upload.form.engine))
        session_id = caller.id_for("session")
        stored = await self._store.put(_source_key(caller, session_id), upload.recording())
        recording = _recording(stored, upload.filename, upload.container)

        async def seal() -> None:
            if caller.claim is not None:
                await caller.claim.seal(upload.fingerprint("/v1/sessions", stored.sha256 or ""))

        return await self._submit(caller, session_id, upload.form, recording, before=seal)

    async def of_upload(self, caller: Caller, upload_id: UUID, form: SessionForm) -> Submitted:
        """The same of an upload that is whole; it is used up by it.

        Raises NotFoundError, UploadExpiredError, UploadIncompleteError, UploadDamagedError, UnsupportedMediaError;
        ConflictError, with both ids, where a session was made of it before (F45).
        """
        self._offer.check(form)
        await self._signer(caller, form)
        await self._spending.check(caller.tenant_id, self._offer.choose(form.engine))
        upload = await self._uploads.get(upload_id, caller.tenant_id)
        session_id = caller.id_for("session")
        if upload.session_id is not None:
            return await self._used_up(caller, upload.session_id, mine=upload.session_id == session_id)
        parts = await self._parts(upload)
        key = _source_key(caller, session_id)
        try:
            stored = await self._store.compose(key, parts)
            _verify(stored, upload, direct=parts == [upload.direct_key])
            container = await self._recognise(key)
        except BaseException:
            await self._store.delete_prefix(key)
            raise
        submitted = await self._submit(
            caller,
            session_id,
            form,
            _recording(stored, upload.filename, container),
            within=lambda connection: self._uploads.consume(connection, upload.id, session_id),
        )
        await self._drop_parts(upload)
        return submitted

    async def of_source(self, caller: Caller, order: RecordingOrder) -> Submitted:
        """A session whose recording a worker is to fetch; InvalidRequestError where none would go there.

        A slow source would hold this request, its connection and the caller for minutes, and lose all of it at a
        restart; a job has attempts, progress, and a lease.
        """
        self._offer.check(order)
        place = self._places.of(order)
        await self._spending.check(caller.tenant_id, self._offer.choose(order.engine))
        session_id = caller.id_for("session")
        recording = Recording(_source_key(caller, session_id), place.filename, source=place.address)
        return await self._submit(caller, session_id, order, recording)

    async def _submit(
        self,
        caller: Caller,
        session_id: UUID,
        form: SessionForm,
        recording: Recording,
        *,
        before: Callable[[], Awaitable[None]] | None = None,
        within: Within | None = None,
    ) -> Submitted:
        """Commit and ring; the recording is deleted where nothing was committed, or had been before.

        In doubt it is kept: the session may be there, and need it. What turns out to have no row is an orphan.
        """
        committing = False
        job = draft_job(caller, session_id, **self._order(form))
        form = form.model_copy(
            update={"delete_after": self._retention.delete_after(form.delete_after, job.created_at)}
        )
        try:
            draft = _draft(caller, session_id, job, form, recording, await self._signer(caller, form))
            if before is not None:
                await before()
            committing = True
            await outlast(lambda: self._create(draft, job, within))
            session = await outlast(lambda: self._sessions.get(session_id, caller.tenant_id))
        except BaseException as error:
            if not (committing and isinstance(error, _IN_DOUBT)):
                await self._store.delete_prefix(recording.key)
            raise
        if session.audio_key != recording.key:  # the request was carried out before, and not answered
            await self._store.delete_prefix(recording.key)
        log.info("session stored", session_id=str(session_id), job_id=str(job.id), size=recording.size)
        await self._bell.ring(job)
        return session, await self._jobs.get(job.id, caller.tenant_id)

    async def _signer(self, caller: Caller, form: SessionForm) -> UUID | None:
        """The webhook whose secret signs what is sent to the session's own address, if it has one."""
        if form.webhook_url is None:
            return None
        return await self._webhooks.signer_of(caller.tenant_id, form.webhook_url)

    async def _create(self, session: SessionRecord, job: JobRecord, within: Within | None) -> None:
        try:
            await self._jobs.create(session, job, within=within)
        except asyncpg.UniqueViolationError:
            log.info("an earlier try was committed, only its answer was lost", session_id=str(session.id))

    async def _parts(self, upload: UploadRecord) -> list[str]:
        """The objects that the recording is made of; UploadIncompleteError."""
        if upload.received == upload.size:
            return await self._uploads.parts(upload.id)
        there = await self._store.size(upload.direct_key)
        if there is None:
            raise UploadIncompleteError(
                f"The upload has {upload.received} of {upload.size} bytes. Send the rest of it first.",
                received=upload.received,
                size=upload.size,
            )
        return [upload.direct_key]

    async def _recognise(self, key: str) -> Container:
        head = b"".join([block async for block in self._store.read(key, 0, HEAD_BYTES)])
        container = sniff(head)
        if container is None:
            raise no_recording(head)
        return container

    async def _used_up(self, caller: Caller, session_id: UUID, *, mine: bool) -> Submitted:
        """What was made of the upload, where this very request made it and was not answered; else ConflictError."""
        session = await self._sessions.get(session_id, caller.tenant_id)
        job_id = session.transcription_job_id
        if mine and job_id is not None:
            return session, await self._jobs.get(job_id, caller.tenant_id)
        raise ConflictError(
            "A session was made of this upload before: follow its job, or transcribe the session again.",
            session_id=str(session_id),
            job_id=str(job_id),
        )

    async def _drop_parts(self, upload: UploadRecord) -> None:
        try:
            await self._store.delete_prefix(upload.prefix)
        except StorageError as error:  # they go when the upload's time is over
            log.warning("parts not deleted yet", upload_id=str(upload.id), reason=error.detail)

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
            fallback_engine=form.fallback_engine,
        )


def _source_key(caller: Caller, session_id: UUID) -> str:
    """Where the recording is stored; apart from where an earlier try of the same request may have stored it."""
    again = f"again-{caller.claim.attempt}/" if caller.claim is not None and caller.claim.attempt > 1 else ""
    return f"{session_prefix(session_id)}/{again}source"


def _recording(stored: StoredObject, filename: str | None, container: Container) -> Recording:
    return Recording(stored.key, filename, container, stored.size, stored.sha256)


def _verify(stored: StoredObject, upload: UploadRecord, *, direct: bool) -> None:
    """What the store has must be what was announced, and what we received (F33: measured, never believed)."""
    if not direct and stored.crc32c != upload.crc32c:
        raise StorageError("The upload was damaged in the object store. Begin it anew.")
    if stored.size != upload.size:
        raise UploadDamagedError(
            f"The upload has {stored.size} bytes, and {upload.size} were announced. Begin it anew."
        )
    if upload.expected_crc32c not in (None, stored.crc32c):
        raise UploadDamagedError


def _draft(
    caller: Caller,
    session_id: UUID,
    job: JobRecord,
    form: SessionForm,
    recording: Recording,
    webhook_id: UUID | None,
) -> SessionRecord:
    return SessionRecord(
        id=session_id,
        tenant_id=caller.tenant_id,
        title=form.title or title_of(recording.filename),
        language=form.language,
        status=JobStatus.QUEUED,
        transcription_job_id=job.id,
        audio_key=recording.key,
        audio_filename=recording.filename,
        audio_source=recording.source,
        audio_container=recording.container.name if recording.container else None,
        audio_size=recording.size,
        audio_sha256=recording.sha256,
        duration_ms=None,
        metadata=form.metadata,
        delete_after=form.delete_after,
        webhook_id=webhook_id,
        webhook_url=form.webhook_url,
        created_at=job.created_at,
        updated_at=job.updated_at,
    )
