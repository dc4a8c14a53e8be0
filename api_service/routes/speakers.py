"""The speakers of a session: their names and roles, as read from the recording or as a person states them."""

from uuid import UUID

from fastapi import APIRouter, Response

from api_service.deps import CallerDep, SeenDep, ServicesDep
from api_service.http.responses import answer
from api_service.routes.documented import EDITED, TAGGED, problems
from api_service.routes.editing import edited
from shared.editing.edits import NameSpeakers
from shared.schemas.edits import Edited, SpeakerResource, SpeakersPut, SpeakersResource

router = APIRouter(prefix="/v1/sessions/{session_id}/speakers", tags=["Editing"])


@router.get("", response_model=SpeakersResource, responses={200: {"headers": TAGGED}, **problems(404, 409)})
async def get_speakers(session_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """Who speaks; a role that is unknown stays unknown until somebody says it."""
    transcript = await services.transcripts.load(session_id, caller.tenant_id, words=False)
    body = SpeakersResource(
        revision=transcript.revision, speakers=SpeakerResource.all_of(transcript.speakers)
    )
    return answer(body, headers={"ETag": f'"{transcript.revision}"'})


@router.put(
    "", response_model=Edited, responses={200: {"headers": EDITED}, **problems(404, 409, 412, 413, 422, 428)}
)
async def name_speakers(
    session_id: UUID, put: SpeakersPut, caller: CallerDep, services: ServicesDep, seen: SeenDep
) -> Response:
    """State every speaker's name and role; one call swaps coach and client."""
    stated = tuple((speaker.number, speaker.name, speaker.role) for speaker in put.speakers)
    return await edited(services, caller, session_id, NameSpeakers(stated), seen)
