"""What operators look at and do: workers, queue, jobs of all tenants. What Flower shows and does, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import OperatorJobQuery, write_cursor
from api_service.http.responses import answer, next_link
from api_service.routes.documented import NEXT, problems
from shared.periods import Span
from shared.schemas.base import Page
from shared.schemas.operators import (
    JobSelection,
    OperatorJobDetail,
    OperatorJobResource,
    Outcome,
    PauseOrder,
    QueueResource,
    ScalingResource,
    TrendsResource,
    Workers,
)
from shared.schemas.wire_types import no_control_characters

router = APIRouter(prefix="/v1/ops", tags=["Operations"])

WorkerId = Annotated[str, AfterValidator(no_control_characters)]


@router.get("/workers", response_model=Workers, responses=problems())
async def list_workers(_caller: CallerDep, services: ServicesDep) -> Response:
    """The workers seen in the last day, with what they run now."""
    return answer(Workers(items=await services.desk.workers()))


@router.post("/workers/{worker_id}/drain", status_code=204, responses=problems(404))
async def drain_worker(worker_id: WorkerId, caller: CallerDep, services: ServicesDep) -> None:
    """Have a worker end what it runs, claim no more, and stop; it hears of it within 3 s."""
    await services.desk.drain(caller, worker_id)


@router.get("/queue", response_model=QueueResource, responses=problems())
async def get_queue(_caller: CallerDep, services: ServicesDep) -> Response:
    """The queue now, by priority, tenant and engine, and how it went in the last five minutes, hour and day."""
    return answer(await services.desk.queue())


@router.get("/scaling", response_model=ScalingResource, responses=problems())
async def get_scaling(_caller: CallerDep, services: ServicesDep) -> Response:
    """What a scaler needs: due and running jobs, places free and wanted, in all and by engine; every value a number."""
    return answer(await services.desk.scaling())


@router.get("/trends", response_model=TrendsResource, responses=problems(422))
async def get_trends(
    _caller: CallerDep,
    services: ServicesDep,
    span: Annotated[Span, Query(description="In 60, 96, 84 or 90 intervals")] = Span.DAY,
) -> Response:
    """How jobs ended, waited and ran, and what they cost, over the past hour, day, week or month; for charts."""
    return answer(await services.desk.trends(span))


@router.post("/queue/pause", status_code=204, responses=problems(413, 422))
async def pause_queue(caller: CallerDep, services: ServicesDep, order: PauseOrder | None = None) -> None:
    """Let nothing more into the queue. What runs goes on, what is sent is taken and waits."""
    await services.desk.pause(caller, (order or PauseOrder()).reason)


@router.post("/queue/resume", status_code=204, responses=problems())
async def resume_queue(caller: CallerDep, services: ServicesDep) -> None:
    """Let jobs in again."""
    await services.desk.resume(caller)


@router.get(
    "/jobs", response_model=Page[OperatorJobResource], responses={200: {"headers": NEXT}, **problems(422)}
)
async def list_all_jobs(
    request: Request, _caller: CallerDep, services: ServicesDep, query: Annotated[OperatorJobQuery, Query()]
) -> Response:
    """Jobs of all tenants, newest first."""
    found = await services.desk.jobs(query.as_filter(), limit=query.limit + 1, before=query.before)
    shown = found[: query.limit]
    cursor = write_cursor(shown[-1].job.id) if len(found) > len(shown) else None
    page = Page[OperatorJobResource](items=shown, next_cursor=cursor)
    return answer(page, headers=next_link(request, cursor))


@router.get("/jobs/{job_id}", response_model=OperatorJobDetail, responses=problems(404))
async def get_any_job(job_id: UUID, _caller: CallerDep, services: ServicesDep) -> Response:
    """A job of any tenant, with its events: every change of status, every phase, every worker."""
    return answer(await services.desk.job(job_id))


@router.post("/jobs/requeue", response_model=Outcome, responses=problems(413, 422))
async def requeue_jobs(selection: JobSelection, caller: CallerDep, services: ServicesDep) -> Response:
    """Run failed or cancelled jobs again, each as a new job; without `status`, the failed ones that match."""
    return answer(await services.desk.requeue(caller, selection))


@router.post("/jobs/cancel", response_model=Outcome, responses=problems(413, 422))
async def cancel_jobs(selection: JobSelection, caller: CallerDep, services: ServicesDep) -> Response:
    """Cancel active jobs; without `status`, waiting and running ones that match."""
    return answer(await services.desk.cancel(caller, selection))
