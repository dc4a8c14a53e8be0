"""The audit trail: who read what was said, and who changed what."""

from fastapi import APIRouter, Request, Response

from api_service.console.pages import asked, page
from api_service.deps import ServicesDep
from api_service.http.queries import AuditQuery, write_cursor

router = APIRouter(prefix="/console/operate/audit")


@router.get("")
async def show_audit_events(request: Request, services: ServicesDep) -> Response:
    """The page; looking at it is noted too."""
    query = asked(request, AuditQuery)
    found = await services.audit.page(query.as_filter(), limit=query.limit + 1, before=query.before)
    shown = found[: query.limit]
    cursor = write_cursor(shown[-1].id) if len(found) > len(shown) else None
    return page(request, "audit/page.html", events=shown, query=query, cursor=cursor)
