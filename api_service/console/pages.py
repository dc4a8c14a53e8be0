"""Pages and fragments: a template and what it shows become an answer, with the policy that nothing foreign runs.

`page` is what a route returns. A template sees, besides what it is given: `t` and the other words of its language,
`may(scope)`, `static(name)`, `path`, `query_with(name=value)`, and what base.html needs.
"""

import gzip
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any, Final, TypeVar, get_origin
from urllib.parse import urlencode

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, ValidationError

from api_service.access.callers import Caller
from api_service.console import assets, told, visits
from api_service.console.languages import NAMES, clock, duration, language_of, money, size
from api_service.http.validation import invalid
from shared.scopes import Scope

Q = TypeVar("Q", bound=BaseModel)

THEME_COOKIE: Final = "console_theme"
THEMES: Final = frozenset({"light", "dark"})
_HTML: Final = "text/html; charset=utf-8"
_WORTH_COMPRESSING: Final = 1_000
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Cookie, Accept-Language, Accept-Encoding, HX-Request",
}


def media_policy(origin: str | None) -> dict[str, str]:
    """The policy of a page that plays or sends recordings: `origin` is where a bucket gives and takes them itself."""
    there = f" {origin}" if origin else ""
    return {"Content-Security-Policy": f"{_POLICY}; media-src 'self' blob:{there}; connect-src 'self'{there}"}


def is_fragment(request: Request) -> bool:
    """Whether htmx asks, to put the answer into a page that is there."""
    return "HX-Request" in request.headers


def page(
    request: Request,
    template: str,
    /,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **shown: Any,
) -> Response:
    """The answer that a template makes; templates are named by their path below templates/."""
    text = _environment().get_template(template).render(**_surroundings(request), **shown)
    content, sent = text.encode(), {**_HEADERS, **(headers or {})}
    if len(content) >= _WORTH_COMPRESSING and "gzip" in request.headers.get("Accept-Encoding", ""):
        content = gzip.compress(content, 5)
        sent["Content-Encoding"] = "gzip"
    response = Response(content, status, sent, media_type=_HTML)
    visits.keep_visit(request, response)
    return response


def whole_or(request: Request, whole: str, part: str, /) -> str:
    """The template of a page; for htmx, at the same address, of the part of it that changes."""
    return part if is_fragment(request) else whole


def go_to(request: Request, address: str) -> Response:
    """Send the browser to another page: by a redirect, or, where htmx asked, by the header that it follows."""
    if is_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return Response(status_code=303, headers={"Location": address})


def asked(request: Request, model: type[Q]) -> Q:
    """The query string as a model; what a form left empty is left out. InvalidRequestError."""
    return _read(request.query_params.multi_items(), model, "query")


async def form_as(request: Request, model: type[Q]) -> Q:
    """A posted form as a model, in the same way. InvalidRequestError."""
    form = await request.form()
    return _read(
        [(name, value) for name, value in form.multi_items() if isinstance(value, str)], model, "form"
    )


def _read(items: Iterable[tuple[str, str]], model: type[Q], place: str) -> Q:
    values: dict[str, Any] = {}
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    for name, value in items:
        if not value:
            continue
        if name in fields and get_origin(fields[name].annotation) is list:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    try:
        return model(**values)
    except ValidationError as error:
        raise invalid(error.errors(), place) from None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api_service.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        static=assets.url,
        version=assets.version,
        languages=NAMES,
        duration=duration,
        money=money,
        clock=clock,
        size=size,
    )
    return environment


def _surroundings(request: Request) -> dict[str, Any]:
    caller: Caller | None = getattr(request.state, "caller", None)
    scopes = caller.scopes if caller else frozenset()
    said = language_of(request)
    theme = request.cookies.get(THEME_COOKIE, "")
    return {
        "t": said.t,
        "told_failure": partial(told.told_failure, said),
        "told_notice": partial(told.told_notice, said),
        "told_finding": partial(told.told_finding, said),
        "words_for_scripts": partial(told.words_for_scripts, said),
        "word": said.word,
        "ago": said.ago,
        "moment": said.moment,
        "language": said.tag,
        "theme": theme if theme in THEMES else "",
        "path": request.scope["path"],
        "query_with": _query_with(request),
        "may": lambda scope: Scope(scope) in scopes,
        "tenant": caller.tenant_id if caller and scopes else None,
        "signed_in": caller is not None and caller.key_id is not None,
        "token": lambda: visits.token_of(request),
    }


def _query_with(request: Request) -> Callable[..., str]:
    """Makes the page's own address with some of its query replaced; None takes a parameter away."""

    def query_with(**replaced: str | None) -> str:
        kept = [(k, v) for k, v in request.query_params.multi_items() if k not in replaced and v]
        query = [*kept, *((k, v) for k, v in replaced.items() if v)]
        path: str = request.scope["path"]
        return f"{path}?{urlencode(query)}" if query else path

    return query_with
