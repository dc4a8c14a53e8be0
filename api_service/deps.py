"""What routes may ask for, as `Annotated` aliases."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header, Request

from api_service.callers import Caller
from api_service.services import Services
from shared.errors import RevisionRequiredError
from shared.transcript_edits import ANY, NEVER

_REVISION: Final = re.compile(r'"(\d{1,9})(?:-[0-9a-f]+)?"')


def services_of(request: Request) -> Services:
    """What this process has open."""
    services: Services = request.state.services
    return services


def caller_of(request: Request) -> Caller:
    """Whom the gate has let in."""
    caller: Caller = request.state.caller
    return caller


async def _services(request: Request) -> Services:
    return services_of(request)


async def _caller(request: Request) -> Caller:
    return caller_of(request)


_IF_MATCH: Final = "The transcript's `ETag`, or a segment's, or its `revision` in quotes; `*` for any"


async def _seen(if_match: Annotated[str | None, Header(description=_IF_MATCH)] = None) -> int:
    """The revision that the caller saw; RevisionRequiredError where the request does not say."""
    if if_match is None:
        raise RevisionRequiredError
    return revision_of(if_match)


async def _seen_perhaps(
    if_match: Annotated[str | None, Header(description=f"{_IF_MATCH}; left out, any")] = None,
) -> int:
    return ANY if if_match is None else revision_of(if_match)


def revision_of(if_match: str) -> int:
    """The newest revision that an If-Match header names; one that never was where it names none of ours."""
    if if_match.strip() == "*":
        return ANY
    named = [int(digits) for digits in _REVISION.findall(if_match)]
    return max(named, default=NEVER)


CallerDep = Annotated[Caller, Depends(_caller)]
ServicesDep = Annotated[Services, Depends(_services)]
SeenDep = Annotated[int, Depends(_seen)]
SeenPerhapsDep = Annotated[int, Depends(_seen_perhaps)]
