"""What was used and what it came to, by day, and what may be spent."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from api_service.console.pages import asked, page
from api_service.deps import CallerDep, ServicesDep
from shared.schemas.usage import UsageReport

router = APIRouter(prefix="/console/usage")

_DAYS: Final = timedelta(days=29)


class UsageQuery(BaseModel):
    """Which days, in UTC, both included; the last thirty when left out."""

    model_config = ConfigDict(extra="forbid")

    first: date | None = None
    last: date | None = None


@router.get("")
async def show_usage(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """The page."""
    query = asked(request, UsageQuery)
    last = query.last or datetime.now(UTC).date()
    first = query.first or max(last, date.min + _DAYS) - _DAYS
    report = await services.spending.report(caller, first, last)
    budget = await services.spending.budget(caller.tenant_id)
    return page(request, "usage/page.html", report=report, budget=budget, days=_by_day(report))


def _by_day(report: UsageReport) -> dict[str, Any]:
    """Every day of the report with what it came to: seconds since 1970 and micro-dollars, as a plot wants them."""
    spent: defaultdict[date, int] = defaultdict(int)
    heard: defaultdict[date, int] = defaultdict(int)
    for item in report.items:
        spent[item.day] += item.micro_dollars
        heard[item.day] += item.audio_ms
    days = [report.first + timedelta(days=n) for n in range((report.last - report.first).days + 1)]
    return {
        "at": [int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in days],
        "micro_dollars": [spent[day] for day in days],
        "audio_ms": [heard[day] for day in days],
    }
