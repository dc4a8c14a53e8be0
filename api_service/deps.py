"""What routes may ask for, as `Annotated` aliases; the only place where a caller becomes a tenant."""

import re
from typing import Annotated, Final

from fastapi import Depends, Request

from api_service.callers import Caller
from api_service.services import Services
from shared.tables import DEFAULT_TENANT

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


async def _services(request: Request) -> Services:
    services: Services = request.state.services
    return services


async def _caller(request: Request) -> Caller:
    """Everyone is the one tenant as long as there are no keys."""
    trace = request.headers.get("traceparent", "").strip()
    return Caller(
        tenant_id=DEFAULT_TENANT,
        request_id=request.state.request_id,
        traceparent=trace if len(trace) <= 256 and _TRACEPARENT.fullmatch(trace) else None,
    )


CallerDep = Annotated[Caller, Depends(_caller)]
ServicesDep = Annotated[Services, Depends(_services)]
