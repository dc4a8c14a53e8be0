"""A session's transcript as a file."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api_service.deps import CallerDep, SeenPerhapsDep, ServicesDep
from api_service.http.responses import digest, knows
from api_service.imports import MAX_IMPORT_BYTES, read
from api_service.reading.export_queries import ExportQuery
from api_service.reading.exports import Look
from api_service.routes.documented import EDITED, captions_body, exports, problems
from api_service.routes.editing import told
from shared.exports.filenames import content_disposition
from shared.schemas.edits import Edited

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
    look = Look(query.options(), query.redactions())
    file = await services.exports.one(caller, session_id, query.format, look)
    tag = f'"{file.revision}-{digest(file.content)}"'
    headers = {"ETag": tag}
    if knows(request, tag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = content_disposition(file.name)
    return Response(file.content, headers=headers, media_type=file.media_type)


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
    return await told(outcome)
