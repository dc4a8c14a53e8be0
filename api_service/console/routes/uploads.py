"""The page that sends recordings in; the sending itself is the browser's, by /v1/uploads."""

from fastapi import APIRouter, Request, Response

from api_service.console.pages import media_policy, page
from api_service.deps import CallerDep, ServicesDep
from shared.google_speech import micro_dollars

router = APIRouter(prefix="/console/upload")

_MINUTE_MS = 60_000


@router.get("")
async def show_upload(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """The page."""
    budget = await services.spending.budget(caller.tenant_id)
    return page(
        request,
        "upload/page.html",
        headers=media_policy(services.media_origin),
        engines=services.offer.resources(),
        minute=micro_dollars(_MINUTE_MS, economy=False),
        budget=budget,
        max_bytes=services.max_upload_bytes,
    )
