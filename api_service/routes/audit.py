"""The audit trail: who read and changed what."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api_service.access.audit_records import AuditRecord
from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import AuditQuery, write_cursor
from api_service.http.responses import answer, next_link
from api_service.routes.documented import NEXT, problems
from shared.schemas.audit import AuditResource
from shared.schemas.base import Page

router = APIRouter(prefix="/v1/ops/audit", tags=["Operations"])


@router.get("", response_model=Page[AuditResource], responses={200: {"headers": NEXT}, **problems(422)})
async def list_audit_events(
    request: Request, _caller: CallerDep, services: ServicesDep, query: Annotated[AuditQuery, Query()]
) -> Response:
    """What was read of transcripts and recordings, and all that was changed, of all tenants, newest first."""
    found = await services.audit.page(query.as_filter(), limit=query.limit + 1, before=query.before)
    shown = found[: query.limit]
    cursor = write_cursor(shown[-1].id) if len(found) > len(shown) else None
    page = Page[AuditResource](items=[_resource(event) for event in shown], next_cursor=cursor)
    return answer(page, headers=next_link(request, cursor))


def _resource(event: AuditRecord) -> AuditResource:
    same = {name: getattr(event, name) for name in AuditResource.model_fields if name != "tenant"}
    return AuditResource(tenant=event.tenant_id, **same)
