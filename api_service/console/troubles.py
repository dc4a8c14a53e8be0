"""What goes wrong, for people: a problem document becomes a page, or a notice in the page that is there."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from markupsafe import escape

from api_service.console.languages import language_of
from api_service.console.pages import is_fragment, page
from api_service.console.told import told_error
from shared.errors import ForbiddenError, TranscriptsError, UnauthorizedError

SIGN_IN: Final = "/console/sign-in"
HTML: Final = "text/html; charset=utf-8"
_LAST_RESORT: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coaching Transcripts</title></head>
<body><main><h1>Something went wrong</h1><p>{detail}</p><p>{id}</p><p><a href="/console">Coaching Transcripts</a></p>
</main></body></html>
"""


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a part of the console, rather than a program."""
    path: str = request.scope["path"]
    return (path == "/console" or path.startswith("/console/")) and (
        is_fragment(request) or "text/html" in request.headers.get("Accept", "")
    )


def told(request: Request, error: TranscriptsError, headers: dict[str, str]) -> Response:
    """The answer that tells of an error; who has not signed in is asked to."""
    if isinstance(error, (UnauthorizedError, ForbiddenError)) and _follows_a_link(request):
        return _once_more(request)
    if isinstance(error, UnauthorizedError):
        return _to_sign_in(request, headers)
    kind = "forbidden" if isinstance(error, ForbiddenError) else "away" if error.status >= 500 else "problem"
    template = "troubles/notice.html" if is_fragment(request) else "troubles/page.html"
    return page(
        request,
        template,
        status=error.status,
        headers=headers,
        kind="missing" if error.status == HTTPStatus.NOT_FOUND else kind,
        code=error.code,
        detail=told_error(language_of(request), error.code, error.detail, error.extra),
        wrong=error.extra.get("errors", []),
        scope=error.extra.get("scope"),
        request_id=request.state.request_id,
    )


def last_resort(request: Request, detail: str, request_id: str) -> bytes:
    """The page, or the notice, of what nobody foresaw; made without a template, which may be what is broken."""
    if is_fragment(request):
        text = f'<div class="notice wrong"><p>{escape(detail)}</p><p class="faint">{escape(request_id)}</p></div>'
    else:
        text = _LAST_RESORT.format(detail=escape(detail), id=escape(request_id))
    return text.encode()


def _follows_a_link(request: Request) -> bool:
    """Whether somebody follows another site's link: the browser sent no strict cookie along, and is a stranger."""
    return (
        request.method == "GET"
        and request.headers.get("Sec-Fetch-Site") == "cross-site"
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
    )


def _once_more(request: Request) -> Response:
    """A page that tells nothing and asks for the same again: then it is a page of ours that asks."""
    return page(request, "entry/onward.html", wanted=_address(request))


def _address(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    path = quote(request.scope["path"])
    return f"{path}?{query}" if query else path


def _to_sign_in(request: Request, headers: dict[str, str]) -> Response:
    there = _shown(request) if is_fragment(request) else _address(request)
    address = f"{SIGN_IN}?{urlencode({'next': there})}"
    if is_fragment(request):
        return Response(status_code=401, headers={**headers, "HX-Redirect": address})
    return Response(status_code=303, headers={"Location": address})


def _shown(request: Request) -> str:
    """The page in which htmx asked."""
    address = request.headers.get("HX-Current-URL", "")
    return "/console" + address.partition("/console")[2]
