"""The list of sessions, and how far those on it are."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api_service.console.pages import asked, media_policy, page
from api_service.console.session_rows import jobs_of, rows_of
from api_service.console.upload_form import upload_form
from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import PageQuery, Text, write_cursor
from shared.lifecycle import ACTIVE, JobStatus
from shared.schemas.orders import LanguageTag
from shared.sessions import SessionFilter

router = APIRouter(prefix="/console")

_MOST_FOLLOWED: Final = 200


class SessionsQuery(PageQuery):
    """Which sessions; days are of UTC."""

    q: Text | None = None
    status: JobStatus | None = None
    language: LanguageTag | None = None
    first: date | None = None
    last: date | None = None

    def as_filter(self) -> SessionFilter:
        """The repository's filter."""
        until = _midnight(self.last + timedelta(days=1)) if self.last and self.last < date.max else None
        return SessionFilter(
            [self.status] if self.status else (),
            self.language,
            _midnight(self.first) if self.first else None,
            until,
            self.q,
        )

    @property
    def filters(self) -> bool:
        """Whether it asks for less than all."""
        return any((self.q, self.status, self.language, self.first, self.last))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@router.get("/sessions")
async def show_sessions(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """The page: the newest sessions, or those that are looked for."""
    query = asked(request, SessionsQuery)
    found = await services.sessions.page(
        caller, query.as_filter(), limit=query.limit + 1, before=query.before
    )
    shown = found[: query.limit]
    rows = await rows_of(services, caller, shown)
    return page(
        request,
        "sessions/page.html",
        rows=rows,
        query=query,
        statuses=list(JobStatus),
        sample=services.sample.there,
        active=[row.job for row in rows if row.job is not None and row.job.status in ACTIVE],
        cursor=write_cursor(shown[-1].id) if len(found) > len(shown) else None,
        headers=media_policy(services.media_origin),
        **await upload_form(services, caller),
    )


@router.get("/progress")
async def show_progress(
    request: Request,
    caller: CallerDep,
    services: ServicesDep,
    job: Annotated[list[UUID], Query(min_length=1, max_length=_MOST_FOLLOWED)],
) -> Response:
    """How far these jobs are: their cells, and, where some go on, the element that asks again."""
    jobs = await jobs_of(services, caller, job)
    active = [each for each in jobs if each.status in ACTIVE]
    return page(request, "sessions/progress.html", jobs=jobs, active=active)


@router.get("/progress/{job_id}")
async def show_progress_of(
    request: Request, job_id: UUID, caller: CallerDep, services: ServicesDep, *, beside: bool = False
) -> Response:
    """How far one job is, step by step; when it has ended the page is loaded anew.

    `beside` is for a page that shows an older transcript meanwhile: it is told, and left alone.
    """
    view = await services.views.one(await services.jobs.get(caller, job_id))
    ended = view.status not in ACTIVE
    headers = {"HX-Refresh": "true"} if ended and not beside else {}
    return page(request, "session/progress.html", headers=headers, job=view, ended=ended, beside=beside)
