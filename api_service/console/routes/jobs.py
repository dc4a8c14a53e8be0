"""The jobs of all tenants: listed by what the address asks for, looked at one by one, cancelled, run again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api_service.access.callers import Caller
from api_service.console.attempts import attempts
from api_service.console.pages import asked, form_as, go_to, page, whole_or
from api_service.console.timeline import timeline
from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import OperatorJobQuery, Text, write_cursor
from api_service.services import Services
from shared.errors import ConflictError, NotFoundError
from shared.lifecycle import ACTIVE, RETRYABLE, JobStatus
from shared.operating.operators import JobFilter, JobSort
from shared.schemas.operators import Event, JobSelection, OperatorJobResource, Outcome

router = APIRouter(prefix="/console/operate/jobs")

_STATE: Final = "jobs/state.html"
_AGO: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_TABS: Final[dict[str, dict[str, Any]]] = {  # the name of a tab, and what it puts into the address
    "all": {},
    "running": {"status": "running"},
    "waiting": {"status": "queued", "deferred": "false"},
    "deferred": {"deferred": "true"},
    "failed": {"status": "failed"},
    "succeeded": {"status": "succeeded"},
    "cancelled": {"status": "cancelled"},
}


class JobsQuery(OperatorJobQuery):
    """Which jobs, in which order; `find` is an id of any kind that somebody has at hand, or a part of a title."""

    find: Text | None = None
    title: Text | None = None
    sort: JobSort = JobSort.NEWEST

    def as_filter(self) -> JobFilter:
        """The repository's filter."""
        return replace(super().as_filter(), title=self.title)


@router.get("")
async def show_jobs(request: Request, services: ServicesDep) -> Response:
    """Those that the address asks for, newest first."""
    query = asked(request, JobsQuery)
    if query.find is not None:
        return go_to(request, await _found(request, services, query.find))
    shown, cursor = await _listed(services, query)
    chosen = {name: v for name in ("status", "deferred") if (v := request.query_params.get(name))}
    tab = next((name for name, wanted in _TABS.items() if wanted == chosen), "")
    return page(
        request,
        whole_or(request, "jobs/page.html", "jobs/list.html"),
        jobs=shown,
        query=query,
        tabs=_TABS,
        sinces=_sinces(),
        matching=_matching(query),
        tab=tab,
        failures=await services.desk.failures(query.as_filter()) if tab == "failed" else {},
        sorts=list(JobSort),
        now=datetime.now(UTC),
        cursor=cursor,
    )


@router.post("/cancel")
async def cancel_jobs(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Cancel those that were chosen."""
    selection = await form_as(request, JobSelection)
    return _outcome(request, "cancelled", await services.desk.cancel(caller, selection))


@router.post("/requeue")
async def requeue_jobs(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Run those that were chosen again, or all failed ones that match."""
    selection = await form_as(request, JobSelection)
    return _outcome(request, "requeued", await services.desk.requeue(caller, selection))


@router.get("/{job_id}")
async def show_job(request: Request, job_id: UUID, services: ServicesDep) -> Response:
    """One job: where it stands, what it did when, what it cost."""
    return await _one(request, services, job_id, whole_or(request, "jobs/job.html", _STATE))


@router.post("/{job_id}/cancel")
async def cancel_job(request: Request, job_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """Cancel it."""
    await _only(caller, services, job_id, cancel=True)
    return await _one(request, services, job_id, _STATE)


@router.post("/{job_id}/retry")
async def retry_job(request: Request, job_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """Run it again, as a new job, which is shown."""
    new = await _only(caller, services, job_id, cancel=False)
    return go_to(request, f"/console/operate/jobs/{new}")


async def _only(caller: Caller, services: Services, job_id: UUID, *, cancel: bool) -> UUID:
    act = services.desk.cancel if cancel else services.desk.requeue
    outcome = await act(caller, JobSelection(ids=[job_id]))
    if not outcome.done:
        raise ConflictError(next(iter(outcome.left.values())))
    return outcome.done[0]


async def _listed(services: Services, query: JobsQuery) -> tuple[list[OperatorJobResource], str | None]:
    """The jobs, and where the list goes on; one in an order of its own has no further page."""
    if query.sort is not JobSort.NEWEST:
        return await services.desk.first_jobs(query.as_filter(), query.sort, limit=query.limit), None
    found = await services.desk.jobs(query.as_filter(), limit=query.limit + 1, before=query.before)
    shown = found[: query.limit]
    return shown, write_cursor(shown[-1].job.id) if len(found) > len(shown) else None


def _sinces() -> dict[str, str]:
    """Moments to look back to; whole minutes, so that an address stays short."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return {name: (now - ago).isoformat() for name, ago in _AGO.items()}


def _matching(query: JobsQuery) -> dict[str, str | int]:
    """The selection of all failed jobs that the page would show, as a form sends it."""
    named = {name: getattr(query, name) for name in ("tenant_id", "engine", "error_code")}
    since = {} if query.created_after is None else {"created_after": query.created_after.isoformat()}
    return {"status": "failed", "limit": 1_000, **{k: v for k, v in named.items() if v}, **since}


async def _found(request: Request, services: Services, text: str) -> str:
    """The address of what an id names: a job, the jobs of a session or of a request; else of jobs with that title."""
    text = text.strip()
    try:
        named = UUID(text)
    except ValueError:
        made = await services.desk.jobs(JobFilter(request_id=text), limit=1, before=None)
        return _narrowed(request, "request_id" if made else "title", text)
    try:
        await services.desk.job(named)
    except NotFoundError:
        return _narrowed(request, "session_id", str(named))
    return f"{router.prefix}/{named}"


def _narrowed(request: Request, name: str, value: str) -> str:
    """The list's address with one more filter, in place of what was found before."""
    found = {"find", "session_id", "request_id", "title", "cursor"}
    kept = [(key, each) for key, each in request.query_params.multi_items() if key not in found and each]
    return f"{router.prefix}?{urlencode([*kept, (name, value)])}"


async def _one(request: Request, services: Services, job_id: UUID, template: str) -> Response:
    found = await services.desk.job(job_id)
    return page(
        request,
        template,
        found=found,
        job=found.job,
        timeline=timeline(found.events),
        attempts=attempts(found.events, found.costs),
        detail_of=_detail_of,
        served=found.job.status is not JobStatus.QUEUED or await services.desk.serves(found.job.engine),
        may_cancel=found.job.status in ACTIVE,
        may_retry=found.job.status in RETRYABLE,
    )


def _detail_of(event: Event) -> dict[str, Any]:
    """What an event tells besides, its moments as such."""
    due = event.detail.get("due")
    return event.detail if due is None else {**event.detail, "due": datetime.fromisoformat(due)}


def _outcome(request: Request, what: str, outcome: Outcome) -> Response:
    headers = {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML"}
    return page(request, "jobs/outcome.html", headers=headers, what=what, outcome=outcome)
