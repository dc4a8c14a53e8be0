"""Every error as a problem document (RFC 9457): what went wrong, what was kept, what to do; never a trace."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ExceptionHandler

from api_service.console import troubles
from api_service.http.responses import FIRST_LOOK_S, JSON
from api_service.http.validation import invalid
from api_service.intake import tus
from shared.database import POSTGRES_AWAY
from shared.errors import (
    ForbiddenError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    NotReadyError,
    NotReadyToServeError,
    TooLargeError,
    TranscriptsError,
    UnauthorizedError,
)
from shared.lifecycle import ACTIVE
from shared.observation.logs import get_logger
from shared.schemas.problems import Problem, problem_kind

log = get_logger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
_AWAY: Final = (ConnectionError, TimeoutError, *POSTGRES_AWAY)
_RETRY_S: Final = 5


def problem(request: Request, error: TranscriptsError, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells of an error: a problem document, or, for a browser in the console, a page."""
    if troubles.wants_page(request):
        return troubles.told(request, error, {**_headers(request, error), **(headers or {})})
    body = problem_body(
        error.code, error.status, error.detail, request.scope["path"], request.state.request_id, **error.extra
    )
    return Response(body, error.status, {**_headers(request, error), **(headers or {})}, PROBLEM_JSON)


def _headers(request: Request, error: TranscriptsError) -> dict[str, str]:
    """What the status asks for: when to come again (RFC 9110), which key would do (RFC 6750)."""
    after_s = error.extra.get("retry_after_s", _RETRY_S if error.transient else None)
    headers = {} if after_s is None else {"Retry-After": str(after_s)}
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = 'Bearer realm="Coaching Transcripts"'
    if isinstance(error, ForbiddenError) and "scope" in error.extra:
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{error.extra["scope"]}"'
    if request.scope["path"].startswith("/v1/uploads"):
        headers["Tus-Resumable"] = headers["Tus-Version"] = tus.VERSION
    return headers


def problem_body(
    code: str, status: int, detail: str, instance: str, request_id: str, /, **extra: Any
) -> bytes:
    """A problem document."""
    document = Problem(
        **{**extra, **problem_kind(code)},
        status=status,
        detail=detail,
        instance=instance,
        request_id=request_id,
    )
    return document.model_dump_json(exclude_none=True).encode()


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, TranscriptsError)
    if isinstance(error, NotReadyError) and "job_id" in error.extra:
        error.extra["job"] = f"/v1/jobs/{error.extra['job_id']}"
        coming = error.extra["job_status"] in ACTIVE
        return problem(request, error, {"Retry-After": FIRST_LOOK_S} if coming else {})
    return problem(request, error)


async def _wrong_form(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if all(item["loc"][0] == "path" for item in errors):  # what is no id is the id of nothing
        return problem(request, NotFoundError())
    if errors[0]["loc"] == ("body",) and isinstance(error.body, bytes):  # it was not read as JSON
        sent_as = request.headers.get("content-type") or "nothing"
        return problem(
            request,
            InvalidRequestError(
                f"The body must be JSON and say so: Content-Type: {JSON}. It came as {sent_as[:100]}. "
                "Nothing was stored."
            ),
        )
    return problem(request, invalid(errors, looks=request.method == "GET"))


async def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses: a path or a method that does not exist, a body that is no JSON."""
    assert isinstance(error, HTTPException)
    called = f"{request.method} {request.scope['path']}"
    match error.status_code:
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return problem(request, TooLargeError("The body is longer than this takes. Nothing was stored."))
        case HTTPStatus.BAD_REQUEST:
            return problem(
                request, InvalidRequestError("The body cannot be read as JSON. Nothing was stored.")
            )
        case HTTPStatus.NOT_FOUND:
            return problem(request, NotFoundError(f"{called} is not part of this API{_nearest(request)}."))
        case HTTPStatus.METHOD_NOT_ALLOWED:
            # What the document does not describe are pages, each with one route.
            named = request.app.methods_of(request.scope["path"]) or (error.headers or {}).get("Allow", "")
            allowed = {"Allow": "GET, HEAD" if named == "GET" else named}
            return problem(request, MethodNotAllowedError(f"{called} does not exist; see Allow."), allowed)
    raise error  # nothing else is raised by what we use


def _nearest(request: Request) -> str:
    """Where to go on from an address that does not exist."""
    path = request.scope["path"]
    bare = path.rstrip("/")
    if bare != path and request.app.methods_of(bare):
        return f": leave the slash at its end out, {bare}"
    return ": /docs shows what is"


async def _gone(request: Request, _error: Exception) -> Response:
    """The client went away in the middle of its request; nobody reads this answer."""
    log.info("the client went away", path=request.scope["path"])
    return Response(status_code=400)


async def _away(request: Request, error: Exception) -> Response:
    log.error("a store is away", path=request.scope["path"], reason=repr(error))
    return problem(
        request,
        NotReadyToServeError(
            "The database does not answer now. What was accepted before is kept; try again."
        ),
    )


HANDLERS: Final[Mapping[type[Exception], ExceptionHandler]] = {
    TranscriptsError: _ours,
    RequestValidationError: _wrong_form,
    HTTPException: _http,
    ClientDisconnect: _gone,
    **dict.fromkeys(_AWAY, _away),
}


def install(app: FastAPI) -> None:
    """Have every error that a route raises answered by a problem document."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
