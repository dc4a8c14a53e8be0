"""When a request is sent again: only what is safe to repeat, after the time that the service asks for."""

import random
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import httpx

from client.errors import ClientError, NotFoundError, RefusedError, UnreachableError, refusal
from client.plans import Pause, Plan, Request, Send

IDEMPOTENCY_KEY: Final = "Idempotency-Key"

_SAFE: Final = frozenset(
    {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}
)  # our PATCHes say what shall be
_PASSES: Final = frozenset({408, 425, 429, 502, 503, 504})
_NOTHING_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_FIRST_S: Final = 0.5
_MOST_S: Final = 30.0


@dataclass(slots=True)
class Backoff:
    """How long to wait between tries: doubled each time, half of it by chance, never less than the service asks.

    `tries` are the failures in a row that end it; one that asks for a longer wait than `longest_s` ends it at once.
    """

    tries: int = 4
    longest_s: float = 60.0
    failures: int = 0

    def after(self, error: ClientError) -> float | None:
        """The seconds to wait after a failure; None: give up."""
        self.failures += 1
        asked = error.retry_after_s if isinstance(error, RefusedError) else None
        if self.failures >= self.tries or (asked or 0.0) > self.longest_s:
            return None
        doubled = min(_FIRST_S * 2.0 ** (self.failures - 1), _MOST_S)
        return max(asked or 0.0, doubled * (0.5 + random.random() / 2))  # noqa: S311  (no secret hangs on it)

    def reset(self) -> None:
        """It went well: the next failure is the first of its row."""
        self.failures = 0


def answered(request: Request, backoff: Backoff | None = None) -> Plan[httpx.Response]:
    """The answer, after as many tries as it takes; a typed error where the service refuses or stays away.

    A POST gets an idempotency key if it has none, so that repeating it is safe.
    """
    request, backoff, repeated = _keyed(request), backoff or Backoff(), False
    while True:
        try:
            response: httpx.Response = yield Send(request)
        except httpx.HTTPError as failed:
            error: ClientError = unreachable(failed)
            again = isinstance(failed, _NOTHING_SENT) or (
                isinstance(failed, httpx.TransportError) and _repeatable(request)
            )
        else:
            if not response.is_error:
                return response
            error = refusal(response)
            if repeated and request.method == "DELETE" and isinstance(error, NotFoundError):
                return response  # the try before has done it, and its answer was lost
            again = may_pass(error) and _repeatable(request)
        pause = backoff.after(error) if again else None
        if pause is None:
            raise error
        repeated = True
        yield Pause(pause)


def may_pass(error: ClientError) -> bool:
    """Whether the same request may go well a little later."""
    if isinstance(error, RefusedError):
        return error.http_status in _PASSES or error.problem_code == "idempotency_in_flight"
    return isinstance(error, UnreachableError)


def unreachable(failed: httpx.HTTPError) -> ClientError:
    """The error of a request that got no answer; what httpx says may hold the address, never the key."""
    where = f"{failed.request.url.scheme}://{failed.request.url.netloc.decode()}"
    if isinstance(failed, httpx.TransportError):
        return UnreachableError(f"{where} does not answer ({type(failed).__name__}).")
    return ClientError(f"The request to {where} failed: {failed}")


def _keyed(request: Request) -> Request:
    if request.method != "POST" or IDEMPOTENCY_KEY in request.headers:
        return request
    return request.with_headers({IDEMPOTENCY_KEY: str(uuid4())})


def _repeatable(request: Request) -> bool:
    return not request.once and (request.method in _SAFE or IDEMPOTENCY_KEY in request.headers)
