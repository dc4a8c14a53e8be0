"""A session's transcript as a file."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api_service.deps import CallerDep, ServicesDep
from api_service.queries import ExportQuery
from api_service.responses import digest, knows
from api_service.routes.documented import exports, problems
from api_service.validation import invalid
from shared.exports import FORMATS, ExportOptions
from shared.exports.filenames import content_disposition, file_name

router = APIRouter(prefix="/v1/sessions", tags=["Transcripts"])


@router.get(
    "/{session_id}/transcript",
    responses={200: exports(), 304: {"description": "You have it"}, **problems(404, 409, 422)},
)
async def get_transcript(
    request: Request,
    session_id: UUID,
    caller: CallerDep,
    services: ServicesDep,
    query: Annotated[ExportQuery, Query()],
) -> Response:
    """The transcript; 409 with the job's address while there is none.

    Its ETag begins with the transcript's revision, and is what edits take in `If-Match`.
    """
    kind = FORMATS.get(query.format)
    if kind is None:
        known = ", ".join(FORMATS)
        raise invalid([{"loc": ("query", "format"), "msg": f"must be one of {known}"}])
    options = ExportOptions(max_line_chars=query.max_line_chars, max_lines=query.max_lines, words=query.words)
    transcript = await services.transcripts.load(session_id, caller.tenant_id)
    # Hours of speech take tenths of a second to lay out: not on the loop (F17).
    content = await asyncio.to_thread(kind.render, transcript, options)
    tag = f'"{transcript.revision}-{digest(content)}"'
    headers = {"ETag": tag}
    if knows(request, tag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = content_disposition(file_name(transcript.title, kind.extension))
    return Response(content, headers=headers, media_type=kind.media_type)
