"""Search over all transcripts; a hit leads to the moment in which it was said."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, StringConstraints

from api_service.console.pages import asked, page
from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import SearchQuery
from api_service.reading.searching import search_page
from shared.schemas.search import SearchPage, Snippet
from shared.schemas.wire_types import no_control_characters
from shared.transcript import Role
from shared.transcripts.search import SearchOrder

router = APIRouter(prefix="/console/search")


class SearchPageQuery(SearchQuery):
    """As the API takes it; without words the page only asks for some."""

    q: Annotated[str, StringConstraints(max_length=200), AfterValidator(no_control_characters)] = ""


@router.get("")
async def show_search(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """The page."""
    query = asked(request, SearchPageQuery)
    found = SearchPage(items=[], next_cursor=None, total=None, capped=False)
    if query.q.strip():
        found = await search_page(services, caller, query)
    return page(
        request,
        "search/page.html",
        query=query,
        parts_of=parts_of,
        roles=list(Role),
        orders=list(SearchOrder),
        hits=found.items,
        cursor=found.next_cursor,
        total=found.total,
        capped=found.capped,
    )


def parts_of(snippet: Snippet) -> Sequence[tuple[str, bool]]:
    """The snippet cut into what was looked for (true) and what stands between."""
    parts, reached = [], 0
    for match in snippet.matches:
        parts += [(snippet.text[reached : match.start], False), (snippet.text[match.start : match.end], True)]
        reached = match.end
    return [part for part in [*parts, (snippet.text[reached:], False)] if part[0]]
