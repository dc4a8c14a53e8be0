"""What routes may ask for, as `Annotated` aliases."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from api_service.access.callers import Caller
from api_service.http.validation import invalid
from api_service.services import Services
from shared.errors import RevisionRequiredError
from shared.transcripts.edits import ANY, NEVER

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
    refuse_unread(request)
    return services_of(request)


async def _caller(request: Request) -> Caller:
    return caller_of(request)


def refuse_unread(request: Request) -> None:
    """Refuse a query parameter that the route of the API does not read, lest a misspelt one be taken for heard.

    A query that is a model refuses such by itself; most routes have no query at all.
    """
    if not request.scope["query_string"] or not request.scope["path"].startswith("/v1/"):
        return
    read = request.scope["route"].dependant.query_params  # no dependency of ours reads the query
    if any(
        isinstance(kind := each.field_info.annotation, type) and issubclass(kind, BaseModel) for each in read
    ):
        return
    known = {each.alias for each in read}
    unread = [name for name in request.query_params if name not in known]
    if unread:
        told = [{"loc": ("query", name[:100]), "type": "extra_forbidden"} for name in unread]
        raise invalid(told, looks=request.method == "GET")


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
