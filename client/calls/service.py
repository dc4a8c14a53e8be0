"""The service itself: its engines, and whether it is ready."""

from pydantic import TypeAdapter

from client.calls.reading import read, read_list
from client.errors import UnavailableError
from client.models import Engine, Readiness
from client.plans import Plan, Request
from client.retries import Backoff, answered

_ENGINES: TypeAdapter[list[Engine]] = TypeAdapter(list[Engine])


def engines() -> Plan[list[Engine]]:
    """What each speech engine can do, the default first."""
    return read_list(_ENGINES, (yield from answered(Request("GET", "/v1/engines"))))


def readiness() -> Plan[Readiness]:
    """What the service says of its parts, one look: an unready one is an answer, not an error."""
    try:
        response = yield from answered(Request("GET", "/readyz"), Backoff(tries=1))
    except UnavailableError as error:
        if "checks" not in error.problem:
            raise
        return Readiness.model_validate({"status": "unready", "checks": error.problem["checks"]})
    return read(Readiness, response)
