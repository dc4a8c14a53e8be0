"""The stream that tells operators' pages what has changed."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from api_service.deps import ServicesDep

router = APIRouter(prefix="/console/operate")


@router.get("/events")
async def follow_changes(
    services: ServicesDep, last_event_id: Annotated[str, Header(max_length=100)] = ""
) -> Response:
    """Server-sent events, each named after what differs: workers, queue, jobs."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        services.pulse.stream(last_event_id), media_type="text/event-stream", headers=headers
    )
