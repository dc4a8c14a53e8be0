"""Recordings: taken in, listed, changed, transcribed again, erased."""

from contextlib import aclosing
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import SessionQuery, write_cursor
from api_service.http.responses import FIRST_LOOK_S, JSON, answer, conditional, next_link
from api_service.intake.forms import recording_order
from api_service.intake.multipart import boundary_of
from api_service.intake.uploads import FORM_OVERHEAD_BYTES, Upload, too_large
from api_service.routes.documented import LOCATION, NEXT, problems, upload_body
from shared.schemas.base import Page
from shared.schemas.jobs import JobResource, Submission
from shared.schemas.orders import JobOrder, SessionPatch
from shared.schemas.sessions import SessionResource

router = APIRouter(prefix="/v1/sessions", tags=["Sessions"])


@router.post(
    "",
    status_code=202,
    response_model=Submission,
    responses={202: {"headers": LOCATION}, **problems(402, 404, 408, 409, 410, 413, 415, 422, 429)},
    openapi_extra=upload_body(),
)
async def create_session(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Send a recording, or say where it is; a job that transcribes it is queued.

    The recording is streamed to storage. Text fields may stand before or after it; before, a wrong one is refused
    before the recording is sent.
    """
    declared = request.headers.get("content-length", "")
    limit = services.max_upload_bytes
    if declared.isdecimal() and int(declared) > limit + FORM_OVERHEAD_BYTES:
        raise too_large(limit)
    await services.admission.check(caller.tenant_id)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == JSON:
        order = recording_order(await request.body())
        if order.upload_id is not None:
            session, job = await services.submissions.of_upload(caller, order.upload_id, order)
        else:
            session, job = await services.submissions.of_source(caller, order)
    else:
        boundary = boundary_of(request.headers.get("content-type", ""))
        request.state.body_limit = limit + FORM_OVERHEAD_BYTES
        async with aclosing(request.stream()) as chunks:
            upload = Upload(chunks, boundary, max_bytes=limit, check=services.offer.check)
            session, job = await services.submissions.of_form(caller, upload)
    body = Submission(session=SessionResource.of(session), job=await services.views.one(job))
    return answer(body, status=202, headers=_accepted(job.id))


@router.get("", response_model=Page[SessionResource], responses={200: {"headers": NEXT}, **problems(422)})
async def list_sessions(
    request: Request, caller: CallerDep, services: ServicesDep, query: Annotated[SessionQuery, Query()]
) -> Response:
    """The sessions, newest first."""
    found = await services.sessions.page(
        caller, query.as_filter(), limit=query.limit + 1, before=query.before
    )
    shown = found[: query.limit]
    cursor = write_cursor(shown[-1].id) if len(found) > len(shown) else None
    page = Page[SessionResource](items=[SessionResource.of(each) for each in shown], next_cursor=cursor)
    return answer(page, headers=next_link(request, cursor))


@router.get("/{session_id}", response_model=SessionResource, responses=problems(404))
async def get_session(
    request: Request, session_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """One session; `status` and `job_id` are those of its newest job."""
    session = SessionResource.of(await services.sessions.get(caller, session_id))
    return conditional(request, session.model_dump_json().encode())


@router.patch("/{session_id}", response_model=SessionResource, responses=problems(404, 413, 422))
async def update_session(
    session_id: UUID, patch: SessionPatch, caller: CallerDep, services: ServicesDep
) -> Response:
    """Change the title, the metadata, or when it is erased."""
    return answer(SessionResource.of(await services.sessions.patch(caller, session_id, patch)))


@router.delete("/{session_id}", status_code=204, responses=problems(404))
async def delete_session(session_id: UUID, caller: CallerDep, services: ServicesDep) -> None:
    """Erase the recording, the transcript and the jobs; a job that runs is cancelled. Usage stays booked."""
    await services.sessions.erase(caller, session_id)


@router.post(
    "/{session_id}/jobs",
    status_code=202,
    response_model=JobResource,
    responses={202: {"headers": LOCATION}, **problems(402, 404, 409, 410, 413, 422, 429)},
)
async def transcribe_again(
    session_id: UUID, caller: CallerDep, services: ServicesDep, order: JobOrder | None = None
) -> Response:
    """Transcribe again, with another language, engine or model. The old transcript stays until the new one is there."""
    await services.admission.check(caller.tenant_id)
    job = await services.sessions.again(caller, session_id, order or JobOrder())
    return answer(await services.views.one(job), status=202, headers=_accepted(job.id))


def _accepted(job_id: UUID) -> dict[str, str]:
    return {"Location": f"/v1/jobs/{job_id}", "Retry-After": FIRST_LOOK_S}
