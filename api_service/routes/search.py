"""Full text over all transcripts of the caller."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api_service.deps import CallerDep, ServicesDep
from api_service.queries import SearchQuery, write_place
from api_service.responses import answer, next_link
from api_service.routes.documented import NEXT, problems
from shared.search.query import Query as Asked
from shared.search_schemas import SearchHit, SearchPage
from shared.transcript_search import MOST_RANKED

router = APIRouter(prefix="/v1/search", tags=["Search"])


@router.get("", response_model=SearchPage, responses={200: {"headers": NEXT}, **problems(422)})
async def search(
    request: Request, caller: CallerDep, services: ServicesDep, query: Annotated[SearchQuery, Query()]
) -> Response:
    """Segments that have every word of `q`: `two words`, `"a phrase"`, `beginn*`, `-without`.

    Letter case and accents do not count. Chinese, Japanese and Korean are found by any of their characters.
    """
    hits = await services.search.find(
        caller.tenant_id,
        Asked.parse(query.q),
        query.as_filter(),
        order=query.sort,
        limit=query.limit + 1,
        after=query.after,
    )
    shown = hits.items[: query.limit]
    cursor = write_place(shown[-1].place) if len(hits.items) > len(shown) else None
    page = SearchPage(
        items=[SearchHit.of(hit) for hit in shown],
        next_cursor=cursor,
        total=hits.total,
        capped=hits.total is not None and hits.total >= MOST_RANKED,
    )
    return answer(page, headers=next_link(request, cursor))
