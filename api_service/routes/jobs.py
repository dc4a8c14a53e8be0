"""Jobs: looked at, waited for, listed, cancelled, retried."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api_service.deps import CallerDep, ServicesDep, caller_of, refuse_unread, services_of
from api_service.http.direct_route import DirectRoute
from api_service.http.queries import JobQuery, write_cursor
from api_service.http.responses import FIRST_LOOK_S, answer, conditional, next_link
from api_service.routes.documented import LOCATION, NEXT, POLLED, header, problems
from api_service.waiting.pacing import look_again_s
from shared.schemas.base import Page
from shared.schemas.jobs import JobResource

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])
polled = APIRouter(prefix="/v1/jobs", tags=["Jobs"], route_class=DirectRoute)

MAX_WAIT_S: Final = 60
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\d*(?![\w.])", re.IGNORECASE)


@router.get("", response_model=Page[JobResource], responses={200: {"headers": NEXT}, **problems(422)})
async def list_jobs(
    request: Request, caller: CallerDep, services: ServicesDep, query: Annotated[JobQuery, Query()]
) -> Response:
    """The jobs, newest first: one request for a client that follows many."""
    found = await services.jobs.page(
        caller,
        limit=query.limit + 1,
        before=query.before,
        statuses=query.status,
        session_id=query.session_id,
    )
    shown = found[: query.limit]
    cursor = write_cursor(shown[-1].id) if len(found) > len(shown) else None
    page = Page[JobResource](items=await services.views.many(shown), next_cursor=cursor)
    return answer(page, headers=next_link(request, cursor))


@polled.get(
    "/{job_id}",
    response_model=JobResource,
    responses={200: {"headers": POLLED}, 304: {"description": "Nothing has changed"}, **problems(404)},
    openapi_extra={
        "parameters": [
            header("Prefer", "`wait=N`: hold the answer for up to N seconds, at most 60"),
            header("If-None-Match", "The ETag that you have"),
        ]
    },
)
async def get_job(request: Request, job_id: UUID) -> Response:
    """Where a job stands.

    With `Prefer: wait=N` the answer is held: with `If-None-Match` until the job differs from that tag, without it
    until the job has ended.
    """
    refuse_unread(request)
    services, caller = services_of(request), caller_of(request)
    seconds = _wait_of(request.headers.get("Prefer", ""))
    if seconds:
        if_none_match = request.headers.get("If-None-Match")
        known = None if if_none_match is None else if_none_match.strip().removeprefix("W/")
        job = await services.events.wait(caller, job_id, known, seconds)
        headers = {"Preference-Applied": f"wait={seconds}"}
    else:
        job, headers = await services.jobs.get(caller, job_id), {}
    view = await services.views.one(job)
    if not job.terminal:
        headers["Retry-After"] = str(look_again_s(view, datetime.now(UTC)))
    return conditional(request, view.model_dump_json().encode(), headers)


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "`event: job`, its data the job, whenever it changes; the stream ends with the job",
            "content": {"text/event-stream": {}},
        },
        204: {"description": "The job has ended as the last event said: do not connect again"},
        **problems(404),
    },
)
async def follow_job(
    job_id: UUID,
    caller: CallerDep,
    services: ServicesDep,
    last_event_id: Annotated[str, Header(description="The last event that was seen, on any replica")] = "",
) -> Response:
    """The job now and after each change, as server-sent events."""
    job = await services.jobs.get(caller, job_id)
    if job.terminal and last_event_id and await services.events.seen(job, last_event_id):
        return Response(status_code=204)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        services.events.stream(job, last_event_id), media_type="text/event-stream", headers=headers
    )


@router.post("/{job_id}/cancel", response_model=JobResource, responses=problems(404, 409))
async def cancel_job(job_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """Cancel a job that is queued or running; the recording is kept."""
    return answer(await services.views.one(await services.jobs.cancel(caller, job_id)))


@router.post(
    "/{job_id}/retry",
    status_code=202,
    response_model=JobResource,
    responses={202: {"headers": LOCATION}, **problems(404, 409, 410)},
)
async def retry_job(job_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """Run a failed or cancelled job again, as a new job whose `retry_of` is this one."""
    job = await services.jobs.retry(caller, job_id)
    headers = {"Location": f"/v1/jobs/{job.id}", "Retry-After": FIRST_LOOK_S}
    return answer(await services.views.one(job), status=202, headers=headers)


def _wait_of(prefer: str) -> int:
    """The seconds of `Prefer: wait=N` (RFC 7240, section 4.3), at most MAX_WAIT_S."""
    match = _WAIT.search(prefer)
    return min(int(match[1]), MAX_WAIT_S) if match else 0
