"""The history of a transcript: listed, looked at, undone, redone, forgotten."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from api_service.deps import CallerDep, SeenDep, ServicesDep
from api_service.http.queries import HistoryQuery, write_number
from api_service.http.responses import answer, next_link
from api_service.routes.documented import EDITED, NEXT, problems
from api_service.routes.editing import told
from shared.schemas.base import Page
from shared.schemas.edits import EditDetail, Edited, EditResource

router = APIRouter(prefix="/v1/sessions/{session_id}/transcript", tags=["Editing"])

Revision = Annotated[int, Path(ge=0, le=2**31 - 1)]  # what the column holds
_STEPPED = {200: {"headers": EDITED}, **problems(404, 409, 412, 428)}


@router.get(
    "/history", response_model=Page[EditResource], responses={200: {"headers": NEXT}, **problems(404, 422)}
)
async def list_edits(
    request: Request,
    session_id: UUID,
    caller: CallerDep,
    services: ServicesDep,
    query: Annotated[HistoryQuery, Query()],
) -> Response:
    """The edits, newest first; a transcription that replaced another is one too."""
    found = await services.edits.page(
        session_id, caller.tenant_id, limit=query.limit + 1, before=query.before_number
    )
    shown = found[: query.limit]
    cursor = write_number(shown[-1].revision) if len(found) > len(shown) else None
    page = Page[EditResource](items=[EditResource.of(record) for record in shown], next_cursor=cursor)
    return answer(page, headers=next_link(request, cursor))


@router.get("/history/{revision}", response_model=EditDetail, responses=problems(404))
async def get_edit(
    session_id: UUID, revision: Revision, caller: CallerDep, services: ServicesDep
) -> Response:
    """An edit, with the texts before and after it."""
    record = await services.edits.get(session_id, caller.tenant_id, revision)
    return await asyncio.to_thread(lambda: answer(EditDetail.of(record)))


@router.delete("/history", status_code=204, responses=problems(404))
async def forget_history(session_id: UUID, caller: CallerDep, services: ServicesDep) -> None:
    """Delete the history, and with it the texts that edits replaced. The transcript stays; nothing can be undone."""
    await services.edits.forget(session_id, caller.tenant_id)


@router.post("/undo", response_model=Edited, responses=_STEPPED)
async def undo_edit(session_id: UUID, caller: CallerDep, services: ServicesDep, seen: SeenDep) -> Response:
    """Undo the newest edit that is in force; a transcription that replaced another is undone too."""
    return await told(await services.edits.undo(session_id, caller.tenant_id, seen=seen))


@router.post("/redo", response_model=Edited, responses=_STEPPED)
async def redo_edit(session_id: UUID, caller: CallerDep, services: ServicesDep, seen: SeenDep) -> Response:
    """Redo what was undone last, unless something else was done since."""
    return await told(await services.edits.redo(session_id, caller.tenant_id, seen=seen))
