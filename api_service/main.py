"""The composition root: settings become a FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import Lifespan

from api_service.access.audit import AuditMiddleware
from api_service.access.gate import GateMiddleware
from api_service.console.routes import router as console
from api_service.http import errors
from api_service.http.exchange import QUIET, ExchangeMiddleware
from api_service.http.idempotency import IdempotencyMiddleware
from api_service.http.rate_limiting import RateLimitMiddleware
from api_service.openapi.description import DescribedApi
from api_service.routes import (
    audit,
    docs,
    engines,
    exports,
    health,
    history,
    jobs,
    keys,
    ops,
    recordings,
    search,
    segments,
    sessions,
    speakers,
    transcripts,
    uploads,
    usage,
    webhooks,
)
from api_service.services import State, open_services
from shared.settings import ApiSettings

VERSION: Final = "1"
_DESCRIPTION: Final = """\
Recordings of coaching sessions become transcripts with speakers and roles.

Send a recording to `POST /v1/sessions`, follow its job, fetch `GET /v1/sessions/{id}/transcript`. Errors are problem
documents (RFC 9457) with a stable `code`. Every answer carries `X-Request-Id`.
"""


def create_app(settings: ApiSettings) -> FastAPI:
    """The application; its lifespan opens the stores and raises SetupError where they cannot be used."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with open_services(settings) as services:
            yield {"services": services}

    return assemble(lifespan)


def assemble(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """The routes without anything opened: what the OpenAPI document is made of."""
    app = DescribedApi(
        title="Coaching Transcripts",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,  # FastAPI makes it on the loop; `routes.docs` does not
        docs_url=None,  # FastAPI's page loads scripts from elsewhere; ours does not
        redoc_url=None,
        redirect_slashes=False,
        # FastAPI makes a span of each request where traces are on; metrics and logs are ours.
        telemetry={
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": lambda scope: scope["path"] in QUIET,
        },
        generate_unique_id_function=lambda route: route.name,
    )
    modules = (  # in the order in which they are asked for most: routes are tried one after the other
        jobs, sessions, transcripts, segments, speakers, history, search, exports, recordings, uploads,
        engines, webhooks, keys, audit, ops, usage, health, docs,
    )  # fmt: skip
    app.include_router(jobs.polled)
    for module in modules:
        app.include_router(module.router)
    app.include_router(console)
    app.webhooks.include_router(webhooks.sent)
    errors.install(app)
    # The last one added is the outermost.
    app.add_middleware(AuditMiddleware)
    app.add_middleware(IdempotencyMiddleware)
    app.add_middleware(RateLimitMiddleware)
    app.add_middleware(GateMiddleware)
    app.add_middleware(ExceptionMiddleware, handlers=errors.HANDLERS)  # for what the layers below it raise
    app.add_middleware(ExchangeMiddleware)
    return app
