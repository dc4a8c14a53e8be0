"""Segments: looked at, changed, cut, joined, removed, given to others. Each change says what it saw."""

from uuid import UUID

from fastapi import APIRouter, Response

from api_service.deps import CallerDep, SeenDep, ServicesDep
from api_service.http.responses import answer
from api_service.routes.documented import EDITED, TAGGED, problems
from api_service.routes.editing import edited
from shared.editing.edits import Merge, Reassign, Remove, Rewrite, Split
from shared.schemas.edits import (
    Edited,
    SegmentMerge,
    SegmentPatch,
    SegmentResource,
    SegmentsPatch,
    SegmentSplit,
)

router = APIRouter(prefix="/v1/sessions/{session_id}/segments", tags=["Editing"])

_EDITED = {200: {"headers": EDITED}, **problems(404, 409, 412, 413, 422, 428)}


@router.patch("", response_model=Edited, responses=_EDITED)
async def reassign_segments(
    session_id: UUID, patch: SegmentsPatch, caller: CallerDep, services: ServicesDep, seen: SeenDep
) -> Response:
    """Give many segments to one speaker."""
    return await edited(services, caller, session_id, Reassign(tuple(patch.segments), patch.speaker), seen)


@router.get(
    "/{n}", response_model=SegmentResource, responses={200: {"headers": TAGGED}, **problems(404, 409)}
)
async def get_segment(session_id: UUID, n: int, caller: CallerDep, services: ServicesDep) -> Response:
    """One segment with its words; its ETag is what a change of it has to name."""
    segment = await services.transcripts.segment(session_id, caller.tenant_id, n)
    return answer(SegmentResource.of(segment), headers={"ETag": f'"{segment.version}"'})


@router.patch("/{n}", response_model=Edited, responses=_EDITED)
async def update_segment(
    session_id: UUID, n: int, patch: SegmentPatch, caller: CallerDep, services: ServicesDep, seen: SeenDep
) -> Response:
    """Change a segment's text, its speaker, or both. Words that stay keep their times."""
    edit = Rewrite(n, patch.text, patch.speaker_or_unset())
    return await edited(services, caller, session_id, edit, seen)


@router.delete("/{n}", response_model=Edited, responses=_EDITED)
async def remove_segment(
    session_id: UUID, n: int, caller: CallerDep, services: ServicesDep, seen: SeenDep
) -> Response:
    """Remove a segment; those after it are counted anew."""
    return await edited(services, caller, session_id, Remove((n,)), seen)


@router.post("/{n}/split", response_model=Edited, responses=_EDITED)
async def split_segment(
    session_id: UUID, n: int, split: SegmentSplit, caller: CallerDep, services: ServicesDep, seen: SeenDep
) -> Response:
    """Cut a segment in two; those after it are counted anew."""
    edit = Split(n, split.at, split.speaker_or_unset())
    return await edited(services, caller, session_id, edit, seen)


@router.post("/{n}/merge", response_model=Edited, responses=_EDITED)
async def merge_segments(
    session_id: UUID,
    n: int,
    caller: CallerDep,
    services: ServicesDep,
    seen: SeenDep,
    merge: SegmentMerge | None = None,
) -> Response:
    """Make one segment of this one and those that follow it; without a body, of two."""
    merge = merge or SegmentMerge()
    edit = Merge(n, merge.count, merge.speaker_or_unset())
    return await edited(services, caller, session_id, edit, seen)
