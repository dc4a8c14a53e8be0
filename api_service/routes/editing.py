"""What all routes that edit have in common: the edit goes to the repository, the outcome becomes the answer."""

import asyncio
from uuid import UUID

from fastapi import Response

from api_service.access.callers import Caller
from api_service.http.responses import answer
from api_service.services import Services
from shared.editing.edits import Edit
from shared.schemas.edits import Edited
from shared.transcripts.edits import Outcome


async def edited(services: Services, caller: Caller, session_id: UUID, edit: Edit, seen: int) -> Response:
    """Apply the edit; the answer says what changed, and its ETag what to say next time."""
    outcome = await services.edits.apply(
        session_id, caller.tenant_id, edit, seen=seen, request_id=caller.request_id
    )
    return await told(outcome)


async def told(outcome: Outcome) -> Response:
    """The answer that tells of an outcome; made on a thread, since all of a transcript may have changed."""
    headers = {"ETag": f'"{outcome.revision}"'}
    return await asyncio.to_thread(lambda: answer(Edited.of(outcome), headers=headers))
