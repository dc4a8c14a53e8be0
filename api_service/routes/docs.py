"""The OpenAPI document, and its page: Swagger UI from a package, so that it works offline."""

import asyncio
import json
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response

from api_service.http.responses import etag, knows
from shared.errors import NotFoundError

router = APIRouter(include_in_schema=False)

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coaching Transcripts: the HTTP API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# The key that is typed into "Authorize" is not kept anywhere; requests go to this server alone.
_START: Final = """\
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: false,
  docExpansion: "list", defaultModelsExpandDepth: 0, persistAuthorization: false, validatorUrl: null
});
"""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KINDS: Final = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


@router.get("/docs")
async def page(request: Request) -> Response:
    """The page."""
    return _cached(request, _PAGE.encode(), "text/html; charset=utf-8")


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    """The OpenAPI document; made at the first request, in a thread, since it takes a quarter of a second."""
    return _cached(request, await asyncio.to_thread(_document, request.app), "application/json")


@router.get("/docs/start.js")
async def start(request: Request) -> Response:
    """What starts Swagger UI; a file of its own, since the policy allows no scripts in the page."""
    return _cached(request, _START.encode(), "text/javascript")


@router.get("/docs/{name}")
async def part(request: Request, name: str) -> Response:
    """A file of Swagger UI."""
    if name not in _KINDS:
        raise NotFoundError
    return _cached(request, await asyncio.to_thread(_read, name), _KINDS[name])


@cache
def _read(name: str) -> bytes:
    return files("fastapi_swagger.resources").joinpath(name).read_bytes()


def _document(app: FastAPI) -> bytes:
    return json.dumps(app.openapi(), ensure_ascii=False).encode()


def _cached(request: Request, content: bytes, media_type: str) -> Response:
    tag = etag(content)
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
    if knows(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
