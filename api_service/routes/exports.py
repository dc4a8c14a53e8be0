"""Many transcripts at once, as a zip."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from api_service.deps import CallerDep, ServicesDep
from api_service.reading.export_queries import ManyExportsQuery
from api_service.reading.exports import Look
from api_service.routes.documented import file_response, problems
from shared.exports.filenames import content_disposition

router = APIRouter(prefix="/v1/exports", tags=["Transcripts"])


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: file_response("The files, and contents.json", "application/zip"), **problems(404, 422)},
)
async def export_many(
    caller: CallerDep, services: ServicesDep, query: Annotated[ManyExportsQuery, Query()]
) -> Response:
    """Transcripts of many sessions in one or more formats, as a zip that is made as it is sent.

    `contents.json` in it tells which files are of which session, and why a session has none.
    """
    sessions = await services.exports.chosen(caller, query.session_id, query.as_filter())
    look = Look(query.options(), query.redactions())
    headers = {"Content-Disposition": content_disposition("transcripts.zip")}
    return StreamingResponse(
        services.exports.zip(caller, sessions, query.format, look), 200, headers, "application/zip"
    )
