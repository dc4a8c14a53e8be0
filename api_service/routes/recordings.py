"""A session's recording, as it came."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from api_service.deps import CallerDep, ServicesDep
from api_service.http.errors import problem
from api_service.http.responses import conditional, knows
from api_service.reading.recordings import Span, media_type, span_of
from api_service.routes.documented import CACHED, file_response, problems
from shared.errors import RangeError
from shared.exports.filenames import content_disposition
from shared.schemas.waveforms import WaveformResource

router = APIRouter(prefix="/v1/sessions", tags=["Recordings"])


@router.get(
    "/{session_id}/audio",
    response_class=StreamingResponse,
    responses={
        200: file_response("The recording", "audio/*", "video/*"),
        206: file_response("The part that `Range` asks for", "audio/*", "video/*"),
        304: {"description": "You have it"},
        307: {
            "description": "Where the bucket gives it out, where recordings are kept in one; the address is a secret",
            "headers": {"Location": {"description": "For some hours", "schema": {"type": "string"}}},
        },
        **problems(404, 409, 410, 416),
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
    session, size = await services.recordings.find(caller, session_id)
    tag = f'"{session.audio_sha256 or session.id}"'  # a session's recording never changes
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if knows(request, tag):
        return Response(status_code=304, headers=headers)
    name = session.audio_filename or f"recording.{session.audio_container}"
    disposition = content_disposition(name).replace("attachment", "inline", 1)
    address = await services.recordings.address(session, disposition)
    if address is not None:
        return Response(status_code=307, headers={"Location": address, "Cache-Control": "no-store"})
    try:
        part = span_of(range_, size) if if_range in (None, tag) else None
    except RangeError as error:
        return problem(request, error, {"Content-Range": f"bytes */{size}"})
    span = part or Span(0, size - 1)
    headers["Content-Disposition"] = disposition
    headers["Content-Length"] = str(span.length)
    if part:
        headers["Content-Range"] = f"bytes {span.start}-{span.end}/{size}"
    return StreamingResponse(
        services.recordings.read(session, span), 206 if part else 200, headers, media_type(session)
    )


@router.get(
    "/{session_id}/waveform",
    response_model=WaveformResource,
    responses={
        200: {"headers": CACHED},
        304: {"description": "You have it"},
        **problems(404),
    },
)
async def get_waveform(
    request: Request, session_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """How loud the recording is, moment by moment: what a player draws.

    404 too where the recording has not been read yet, or was read before waveforms were kept.
    """
    waveform = await services.waveforms.get(session_id, caller.tenant_id)
    return conditional(request, WaveformResource.of(waveform).model_dump_json().encode())
