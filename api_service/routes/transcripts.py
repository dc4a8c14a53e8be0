"""A session's transcript as a file."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api_service.deps import CallerDep, SeenPerhapsDep, ServicesDep
from api_service.imports import MAX_IMPORT_BYTES, read
from api_service.queries import ExportQuery
from api_service.responses import digest, knows
from api_service.routes.documented import EDITED, captions_body, exports, problems
from api_service.routes.editing import told
from api_service.validation import invalid
from shared.edit_schemas import Edited
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


@router.put(
    "/{session_id}/transcript",
    response_model=Edited,
    responses={200: {"headers": EDITED}, **problems(404, 409, 412, 413, 415, 422)},
    openapi_extra=captions_body(),
)
async def import_transcript(
    request: Request, session_id: UUID, caller: CallerDep, services: ServicesDep, seen: SeenPerhapsDep
) -> Response:
    """Put captions that were made elsewhere in place of the transcript, or where there is none yet.

    What was there is kept in the history. The same file once more changes nothing.
    """
    request.state.body_limit = MAX_IMPORT_BYTES
    kind = request.headers.get("content-type", "")
    edit = await asyncio.to_thread(read, kind, await request.body())
    outcome = await services.edits.put(
        session_id, caller.tenant_id, edit, seen=seen, request_id=caller.request_id
    )
    return told(outcome)
