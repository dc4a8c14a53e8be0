"""The way in and out: the first page, signing in with a key, signing out."""

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from api_service.console import sign_ins, visits
from api_service.console.languages import language_of
from api_service.console.pages import go_to, page
from api_service.console.told import Told, told_error
from api_service.console.troubles import SIGN_IN
from api_service.deps import CallerDep, ServicesDep
from shared.errors import NotFoundError, UnauthorizedError
from shared.scopes import Scope

router = APIRouter()

_FIRST: Final = "/console/sessions"
_OPERATE: Final = "/console/operate"


@router.get("/")
async def root(request: Request) -> Response:
    """A browser that was given the bare address is shown the console."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise NotFoundError("GET / is not part of this API: docs/api.md lists what is.")
    return Response(status_code=307, headers={"Location": "/console", "Cache-Control": "no-store"})


@router.get("/console")
async def first_page(request: Request, services: ServicesDep) -> Response:
    """What the visitor may see: the sessions, or, with a key for operators alone, the overview."""
    caller = await services.entrance.recognise(request)
    operator = Scope.OPS in caller.scopes and Scope.SESSIONS_READ not in caller.scopes
    return go_to(request, _OPERATE if operator else _FIRST)


@router.get(SIGN_IN)
async def ask_for_key(request: Request, services: ServicesDep) -> Response:
    """The form that asks for a key; where none is needed, the page that was wanted."""
    wanted = _within(request.query_params.get("next", ""))
    if services.authenticator is None:
        return go_to(request, wanted)
    key_id = await services.entrance.key_of_this_machine(request)
    if key_id is not None and services.sign_ins is not None:
        # Not a redirect: a browser sends no strict cookie along one that another site's link began.
        response = page(request, "entry/onward.html", wanted=wanted)
        services.sign_ins.write(request, response, key_id)
        return response
    return page(request, "entry/sign_in.html", wanted=wanted, wrong=None)


@router.post(SIGN_IN)
async def console_sign_in(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Exchange a key for the cookie that stands for it."""
    visits.refuse_other_sites(request)
    form = await request.form()
    wanted = _within(str(form.get("next", "")))
    if services.authenticator is None or services.sign_ins is None:
        return go_to(request, wanted)
    try:
        key = await services.authenticator.key_of(str(form.get("key", "")).strip())
    except UnauthorizedError as error:
        return page(request, "entry/sign_in.html", status=401, wanted=wanted, wrong=_told(request, error))
    request.state.caller = replace(caller, tenant_id=key.tenant_id, key_id=key.id, scopes=key.scopes)
    response = go_to(request, wanted)
    services.sign_ins.write(request, response, key.id)
    return response


@router.post("/console/sign-out")
async def console_sign_out(request: Request) -> Response:
    """Forget the key, and have the browser forget what the pages kept in it."""
    visits.refuse_forged(request)
    response = go_to(request, SIGN_IN)
    response.headers["Clear-Site-Data"] = (
        '"storage"'  # names of recordings, places where one stopped listening
    )
    sign_ins.sign_out(response)
    return response


def _told(request: Request, error: UnauthorizedError) -> Told:
    return told_error(language_of(request), error.code, error.detail)


def _within(address: str) -> str:
    """The address, if it is one of the console's; else the first page."""
    parts = urlsplit(address)
    inside = parts.path == "/console" or parts.path.startswith("/console/")
    if parts.scheme or parts.netloc or not inside or "\\" in address or parts.path.startswith(SIGN_IN):
        return "/console"
    return address
