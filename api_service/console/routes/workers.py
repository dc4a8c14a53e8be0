"""The workers: who works, where, on what; and having one stop."""

from fastapi import APIRouter, Request, Response

from api_service.console.pages import page, whole_or
from api_service.deps import CallerDep, ServicesDep
from api_service.routes.ops import WorkerId

router = APIRouter(prefix="/console/operate/workers")


@router.get("")
async def show_workers(request: Request, services: ServicesDep) -> Response:
    """Those of the last day, the living first."""
    template = whole_or(request, "workers/page.html", "workers/list.html")
    return page(request, template, workers=await services.desk.workers())


@router.post("/{worker_id}/drain")
async def drain_worker(
    request: Request, worker_id: WorkerId, caller: CallerDep, services: ServicesDep
) -> Response:
    """Have a worker end what it runs and stop."""
    await services.desk.drain(caller, worker_id)
    return page(request, "workers/list.html", workers=await services.desk.workers())
