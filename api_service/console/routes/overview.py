"""The overview: how the service does now, and how it did over the past hour, day, week or month."""

from fastapi import APIRouter, Request, Response

from api_service.console.pages import page, whole_or
from api_service.deps import ServicesDep

router = APIRouter(prefix="/console/operate")


@router.get("")
async def show_overview(request: Request, services: ServicesDep) -> Response:
    """The numbers of now; the charts of the page ask /v1/ops/trends."""
    template = whole_or(request, "overview/page.html", "overview/now.html")
    return page(request, template, queue=await services.desk.queue())
