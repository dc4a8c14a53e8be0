"""Full text over all transcripts of the caller."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import SearchQuery
from api_service.http.responses import answer, next_link
from api_service.reading.searching import search_page
from api_service.routes.documented import NEXT, problems
from shared.schemas.search import SearchPage

router = APIRouter(prefix="/v1/search", tags=["Search"])


@router.get("", response_model=SearchPage, responses={200: {"headers": NEXT}, **problems(422)})
async def search(
    request: Request, caller: CallerDep, services: ServicesDep, query: Annotated[SearchQuery, Query()]
) -> Response:
    """Segments that have every word of `q`: `two words`, `"a phrase"`, `beginn*`, `-without`.

    Letter case and accents do not count. Chinese, Japanese and Korean are found by any of their characters.
    """
    page = await search_page(services, caller, query)
    return answer(page, headers=next_link(request, page.next_cursor))
