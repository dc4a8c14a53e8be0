"""The sample recording: a first transcript for who has no recording at hand."""

from fastapi import APIRouter, Request, Response

from api_service.console.languages import language_of
from api_service.console.pages import go_to
from api_service.deps import CallerDep, ServicesDep

router = APIRouter(prefix="/console")


@router.post("/sample")
async def create_session(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Transcribe it, and go to its session."""
    await services.admission.check(caller.tenant_id)
    session, _job = await services.sample.send(caller, str(language_of(request).t("sessions.sample_title")))
    return go_to(request, f"/console/sessions/{session.id}")
