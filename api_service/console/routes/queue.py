"""The queue: what waits, by priority, tenant and engine; pausing, resuming and emptying it."""

from typing import Final

from fastapi import APIRouter, Request, Response

from api_service.access.callers import Caller
from api_service.console.pages import form_as, page, whole_or
from api_service.deps import CallerDep, ServicesDep
from api_service.services import Services
from shared.lifecycle import JobStatus
from shared.schemas.operators import JobSelection, PauseOrder

router = APIRouter(prefix="/console/operate/queue")

_MOST: Final = 1_000
_PART: Final = "queue/lines.html"


@router.get("")
async def show_queue(request: Request, services: ServicesDep) -> Response:
    """How long the lines are."""
    return await _show(request, services, whole_or(request, "queue/page.html", _PART))


@router.post("/pause")
async def pause_queue(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Let nothing more into the queue."""
    order = await form_as(request, PauseOrder)
    await services.desk.pause(caller, order.reason)
    return await _show(request, services, _PART)


@router.post("/resume")
async def resume_queue(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Let jobs in again."""
    await services.desk.resume(caller)
    return await _show(request, services, _PART)


@router.post("/purge")
async def purge_queue(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Cancel all that waits; what runs goes on, and recordings are kept."""
    purged = await _cancel_waiting(caller, services)
    return await _show(request, services, _PART, purged)


async def _cancel_waiting(caller: Caller, services: Services) -> int:
    done = 0
    while True:
        outcome = await services.desk.cancel(caller, JobSelection(status=[JobStatus.QUEUED], limit=_MOST))
        done += len(outcome.done)
        if not outcome.done:  # those that are left were taken meanwhile, or there are none
            return done


async def _show(request: Request, services: Services, template: str, purged: int | None = None) -> Response:
    return page(request, template, queue=await services.desk.queue(), purged=purged)
