"""A session's transcript as a file."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api_service.deps import CallerDep, ServicesDep
from api_service.errors import problem
from api_service.queries import ExportQuery
from api_service.routes.documented import FIRST_LOOK_S, exports, problems
from api_service.validation import invalid
from shared.errors import NotReadyError
from shared.exports import FORMATS, ExportOptions
from shared.exports.filenames import content_disposition, file_name
from shared.lifecycle import ACTIVE

router = APIRouter(prefix="/v1/sessions", tags=["Transcripts"])


@router.get("/{session_id}/transcript", responses={200: exports(), **problems(404, 409, 422)})
async def get_transcript(
    request: Request,
    session_id: UUID,
    caller: CallerDep,
    services: ServicesDep,
    query: Annotated[ExportQuery, Query()],
) -> Response:
    """The transcript; 409 with the job's address while there is none."""
    kind = FORMATS.get(query.format)
    if kind is None:
        known = ", ".join(FORMATS)
        raise invalid([{"loc": ("query", "format"), "msg": f"must be one of {known}"}])
    options = ExportOptions(max_line_chars=query.max_line_chars, max_lines=query.max_lines, words=query.words)
    try:
        transcript = await services.transcripts.load(session_id, caller.tenant_id)
    except NotReadyError as error:
        error.extra["job"] = f"/v1/jobs/{error.extra['job_id']}"
        coming = error.extra["job_status"] in ACTIVE
        return problem(request, error, {"Retry-After": FIRST_LOOK_S} if coming else {})
    # Hours of speech take tenths of a second to lay out: not on the loop (F17).
    content = await asyncio.to_thread(kind.render, transcript, options)
    name = content_disposition(file_name(transcript.title, kind.extension))
    return Response(content, headers={"Content-Disposition": name}, media_type=kind.media_type)
