"""The page that sends recordings in; the sending itself is the browser's, by /v1/uploads."""

from fastapi import APIRouter, Request, Response

from api_service.console.pages import media_policy, page
from api_service.deps import CallerDep, ServicesDep

router = APIRouter(prefix="/console/upload")


@router.get("")
async def show_upload(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """The page."""
    budget = await services.spending.budget(caller.tenant_id)
    return page(
        request,
        "upload/page.html",
        headers=media_policy(services.media_origin),
        engines=services.offer.resources(),
        budget=budget,
        max_bytes=services.max_upload_bytes,
    )
