"""The doctor: what is wrong with the set-up, as the API sees it, and how to mend it."""

from fastapi import APIRouter, Request, Response

from api_service.console.pages import page
from api_service.deps import ServicesDep
from shared.examination.findings import worst

router = APIRouter(prefix="/console/operate/doctor")


@router.get("")
async def show_findings(request: Request, services: ServicesDep) -> Response:
    """The page; each look is made anew."""
    findings = await services.examination.look()
    return page(request, "doctor/page.html", findings=findings, worst=worst(findings))
