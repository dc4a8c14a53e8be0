"""What a visitor prefers, kept in cookies of the browser: the language, and light or dark."""

from typing import Final

from fastapi import APIRouter, Request, Response

from api_service.console import visits
from api_service.console.languages import COOKIE, NAMES
from api_service.console.pages import THEME_COOKIE, THEMES

router = APIRouter(prefix="/console")

_YEAR_S: Final = 365 * 86_400


@router.post("/language")
async def choose_language(request: Request) -> Response:
    """Write the pages in another language from now on."""
    return await _keep(request, "language", COOKIE, frozenset(NAMES), reload=True)


@router.post("/theme")
async def choose_theme(request: Request) -> Response:
    """Stay light or dark, whatever the system says."""
    return await _keep(request, "theme", THEME_COOKIE, THEMES, reload=False)


async def _keep(
    request: Request, field: str, cookie: str, known: frozenset[str], *, reload: bool
) -> Response:
    visits.refuse_forged(request)
    chosen = str((await request.form()).get(field, ""))
    response = Response(status_code=204, headers={"HX-Refresh": "true"} if reload else {})
    if chosen in known:
        visits.set_cookie(request, response, cookie, chosen, max_age_s=_YEAR_S)
    return response
