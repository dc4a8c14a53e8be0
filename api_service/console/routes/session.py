"""One session: its transcript to read, hear and mend, or how far its job is."""

import asyncio
import json
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api_service.access.callers import Caller
from api_service.console.pages import media_policy, page
from api_service.console.talk import LONG_SILENCE_MS, silences, talk_of
from api_service.deps import CallerDep, ServicesDep
from api_service.http.responses import conditional
from api_service.routes.history import Revision
from api_service.services import Services
from shared.errors import NotReadyError
from shared.exports import FORMATS
from shared.exports.options import ExportOptions
from shared.lifecycle import ACTIVE
from shared.redaction.rules import Redaction
from shared.schemas.edits import EditDetail
from shared.schemas.jobs import JobResource
from shared.schemas.sessions import SessionResource
from shared.transcript import Role, Transcript

router = APIRouter(prefix="/console/sessions/{session_id}")

_EDITS_SHOWN: Final = 50


@router.get("")
async def show_session(
    request: Request, session_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """The page."""
    session = SessionResource.of(await services.sessions.get(caller, session_id))
    job = await _newest_job(services, caller, session)
    transcript = await _transcript(services, caller, session_id)
    # Hours of talk take tenths of a second to lay out: not on the loop (F17).
    return await asyncio.to_thread(
        page,
        request,
        "session/page.html",
        headers=media_policy(services.media_origin),
        session=session,
        job=job,
        active=job is not None and job.status in ACTIVE,
        transcript=transcript,
        talk=talk_of(transcript.segments, transcript.duration_ms) if transcript else None,
        **_noted(transcript),
        drawn=await services.waveforms.has(session_id),
        cost=await services.spending.of_job(caller, job.id) if job else None,
        formats=FORMATS,
        layout=ExportOptions(),
        redactions=list(Redaction),
        roles=list(Role),
        engines=services.offer.resources(),
    )


@router.get("/segments")
async def show_segments(
    request: Request, session_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """The transcript alone, for a page that somebody else's edit has overtaken."""
    transcript = await services.transcripts.load(session_id, caller.tenant_id, words=False)
    return await asyncio.to_thread(
        page, request, "session/transcript.html", transcript=transcript, **_noted(transcript)
    )


@router.get("/talk")
async def show_talk(request: Request, session_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """Who spoke how long, as it is after an edit."""
    transcript = await services.transcripts.load(session_id, caller.tenant_id, words=False)
    talk = talk_of(transcript.segments, transcript.duration_ms)
    return page(request, "session/talk.html", transcript=transcript, talk=talk)


@router.get("/words")
async def read_words(
    request: Request, session_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """When each word was said: a list a segment of text, start and end in milliseconds, text, start, …"""
    transcript = await services.transcripts.load(session_id, caller.tenant_id)
    return conditional(request, await asyncio.to_thread(_words, transcript))


@router.get("/history")
async def show_history(
    request: Request, session_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """The newest edits, for a dialog."""
    edits = await services.edits.page(session_id, caller.tenant_id, limit=_EDITS_SHOWN)
    return page(request, "session/history.html", session_id=session_id, edits=edits)


@router.get("/history/{revision}")
async def show_edit(
    request: Request, session_id: UUID, revision: Revision, caller: CallerDep, services: ServicesDep
) -> Response:
    """What an edit replaced, and with what."""
    edit = EditDetail.of(await services.edits.get(session_id, caller.tenant_id, revision))
    return page(request, "session/edit.html", edit=edit)


async def _newest_job(services: Services, caller: Caller, session: SessionResource) -> JobResource | None:
    if session.job_id is None:
        return None
    return await services.views.one(await services.jobs.get(caller, session.job_id))


async def _transcript(services: Services, caller: Caller, session_id: UUID) -> Transcript | None:
    try:
        return await services.transcripts.load(session_id, caller.tenant_id, words=False)
    except NotReadyError:
        return None


def _noted(transcript: Transcript | None) -> dict[str, Any]:
    """The silences that are told where they were."""
    segments = transcript.segments if transcript else ()
    return {"silences": silences(segments), "long_silence_ms": LONG_SILENCE_MS}


def _words(transcript: Transcript) -> bytes:
    said = [
        [part for word in segment.words for part in (word.text, word.start_ms, word.end_ms)]
        for segment in transcript.segments
    ]
    body = {"revision": transcript.revision, "segments": said}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
