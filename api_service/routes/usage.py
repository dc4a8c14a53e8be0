"""What was used, what it came to, and what may be spent."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator

from api_service.deps import CallerDep, ServicesDep
from api_service.http.responses import answer
from api_service.routes.documented import problems
from shared.schemas.usage import BudgetOrder, BudgetResource, UsageReport
from shared.schemas.wire_types import no_control_characters

router = APIRouter(tags=["Usage"])

_Tenant = Annotated[str, Path(min_length=1, max_length=200), AfterValidator(no_control_characters)]
_DAYS = timedelta(days=30)


@router.get("/v1/usage", response_model=UsageReport, responses=problems(422))
async def get_usage(
    caller: CallerDep,
    services: ServicesDep,
    first: Annotated[date | None, Query(description="UTC; 30 days before `last` when left out")] = None,
    last: Annotated[date | None, Query(description="UTC, included; today when left out")] = None,
) -> Response:
    """Seconds and money by day, engine and model. What a deleted session cost stays in it."""
    last = last or datetime.now(UTC).date()
    first = first or max(last, date.min + _DAYS) - _DAYS
    return answer(await services.spending.report(caller, first, last))


@router.get("/v1/usage/budget", response_model=BudgetResource, responses=problems())
async def get_budget(caller: CallerDep, services: ServicesDep) -> Response:
    """What may be spent this month, and what of it is spent or promised."""
    return answer(await services.spending.budget(caller.tenant_id))


@router.get("/v1/ops/tenants/{tenant_id}/budget", response_model=BudgetResource, responses=problems(404))
async def get_budget_of(tenant_id: _Tenant, _caller: CallerDep, services: ServicesDep) -> Response:
    """A tenant's budget."""
    return answer(await services.spending.budget(tenant_id))


@router.put(
    "/v1/ops/tenants/{tenant_id}/budget", response_model=BudgetResource, responses=problems(404, 413, 422)
)
async def set_budget_of(
    tenant_id: _Tenant, order: BudgetOrder, caller: CallerDep, services: ServicesDep
) -> Response:
    """Set what a tenant may spend in a calendar month. Operations that run are not stopped by it."""
    return answer(await services.spending.set_budget(caller, tenant_id, order.micro_dollars_per_month))
