"""What routes may ask for, as `Annotated` aliases."""

from typing import Annotated

from fastapi import Depends, Request

from api_service.callers import Caller
from api_service.services import Services


async def _services(request: Request) -> Services:
    services: Services = request.state.services
    return services


async def _caller(request: Request) -> Caller:
    """Whom the gate has let in."""
    caller: Caller = request.state.caller
    return caller


CallerDep = Annotated[Caller, Depends(_caller)]
ServicesDep = Annotated[Services, Depends(_services)]
