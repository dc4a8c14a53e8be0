"""The service itself: its engines, and whether it is ready."""

from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx
from pydantic import BaseModel, TypeAdapter

from client.calls.reading import read, read_list
from client.errors import UnavailableError
from client.models import Engine, Readiness, Sign
from client.plans import Plan, Request
from client.retries import Backoff, answered

_ENGINES: TypeAdapter[list[Engine]] = TypeAdapter(list[Engine])


def engines() -> Plan[list[Engine]]:
    """What each speech engine can do, the default first."""
    return read_list(_ENGINES, (yield from answered(Request("GET", "/v1/engines"))))


def alive() -> Plan[Sign]:
    """Whether it answers at all, one look; needs no key."""
    response = yield from answered(Request("GET", "/healthz"), Backoff(tries=1))
    return Sign(date=_date(response))


def contract() -> Plan[Sign]:
    """The version of its API, and the paths that this has; needs no key."""
    response = yield from answered(Request("GET", "/openapi.json"), Backoff(tries=1))
    document = read(_Contract, response)
    return Sign(date=_date(response), version=document.info.version, paths=tuple(document.paths))


def readiness() -> Plan[Readiness]:
    """What the service says of its parts, one look: an unready one is an answer, not an error."""
    try:
        response = yield from answered(Request("GET", "/readyz"), Backoff(tries=1))
    except UnavailableError as error:
        if "checks" not in error.problem:
            raise
        return Readiness.model_validate({"status": "unready", "checks": error.problem["checks"]})
    return read(Readiness, response)


class _Info(BaseModel):
    version: str


class _Contract(BaseModel):
    info: _Info
    paths: dict[str, object]


def _date(response: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
