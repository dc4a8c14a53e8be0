"""Every error as a problem document (RFC 9457): what went wrong, what was kept, what to do; never a trace."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import asyncpg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api_service.validation import invalid
from shared.errors import (
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    NotReadyToServeError,
    TooLargeError,
    TranscriptsError,
)
from shared.logs import get_logger
from shared.schemas import Problem, problem_kind

log = get_logger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
_AWAY: Final = (
    ConnectionError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.TransactionRollbackError,
)
_RETRY_S: Final = 5


def problem(request: Request, error: TranscriptsError, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells of an error."""
    body = problem_body(
        error.code, error.status, error.detail, request.scope["path"], request.state.request_id, **error.extra
    )
    after_s = error.extra.get("retry_after_s", _RETRY_S if error.transient else None)
    retry = {} if after_s is None else {"Retry-After": str(after_s)}
    return Response(body, error.status, {**retry, **(headers or {})}, PROBLEM_JSON)


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


def install(app: FastAPI) -> None:
    """Have every error that a route raises answered by a problem document."""
    app.add_exception_handler(TranscriptsError, _ours)
    app.add_exception_handler(RequestValidationError, _wrong_form)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    for away in _AWAY:
        app.add_exception_handler(away, _away)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, TranscriptsError)
    return problem(request, error)


async def _wrong_form(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if all(item["loc"][0] == "path" for item in errors):  # what is no id is the id of nothing
        return problem(request, NotFoundError())
    return problem(request, invalid(errors))


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
            return problem(
                request, NotFoundError(f"{called} is not part of this API: docs/api.md lists what is.")
            )
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = {"Allow": request.app.methods_of(request.scope["path"])}
            return problem(request, MethodNotAllowedError(f"{called} does not exist; see Allow."), allowed)
    raise error  # nothing else is raised by what we use


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
