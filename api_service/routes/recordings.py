"""A session's recording, as it came."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from api_service.deps import CallerDep, ServicesDep
from api_service.errors import problem
from api_service.recordings import Span, media_type, span_of
from api_service.responses import knows
from api_service.routes.documented import file_response, problems
from shared.errors import RangeError
from shared.exports.filenames import content_disposition

router = APIRouter(prefix="/v1/sessions", tags=["Recordings"])


@router.get(
    "/{session_id}/audio",
    response_class=StreamingResponse,
    responses={
        200: file_response("The recording", "audio/*", "video/*"),
        206: file_response("The part that `Range` asks for", "audio/*", "video/*"),
        304: {"description": "You have it"},
        **problems(404, 410, 416),
    },
)
async def get_audio(
    request: Request,
    session_id: UUID,
    caller: CallerDep,
    services: ServicesDep,
    range_: Annotated[str | None, Header(alias="Range", description="One range, `bytes=0-1023`")] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:
    """The recording, or a part of it: what players ask for when somebody moves to another place."""
    session = await services.recordings.find(caller, session_id)
    tag = f'"{session.audio_sha256}"'
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if knows(request, tag):
        return Response(status_code=304, headers=headers)
    try:
        part = span_of(range_, session.audio_size) if if_range in (None, tag) else None
    except RangeError as error:
        return problem(request, error, {"Content-Range": f"bytes */{session.audio_size}"})
    span = part or Span(0, session.audio_size - 1)
    name = session.audio_filename or f"recording.{session.audio_container}"
    headers["Content-Disposition"] = content_disposition(name).replace("attachment", "inline", 1)
    headers["Content-Length"] = str(span.length)
    if part:
        headers["Content-Range"] = f"bytes {span.start}-{span.end}/{session.audio_size}"
    return StreamingResponse(
        services.recordings.read(session, span), 206 if part else 200, headers, media_type(session)
    )
