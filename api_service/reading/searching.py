"""A page of what was found in the caller's transcripts: for the route and for the console alike."""

from api_service.access.callers import Caller
from api_service.http.queries import SearchQuery, write_place
from api_service.services import Services
from shared.schemas.search import SearchHit, SearchPage
from shared.search.query import Query
from shared.transcripts.search import MOST_RANKED


async def search_page(services: Services, caller: Caller, query: SearchQuery) -> SearchPage:
    """The hits of the query, from its cursor on; one more is asked for, to know whether there is a next page."""
    found = await services.search.find(
        caller.tenant_id,
        Query.parse(query.q),
        query.as_filter(),
        order=query.sort,
        limit=query.limit + 1,
        after=query.after,
    )
    shown = found.items[: query.limit]
    return SearchPage(
        items=[SearchHit.of(hit) for hit in shown],
        next_cursor=write_place(shown[-1].place) if len(found.items) > len(shown) else None,
        total=found.total,
        capped=found.total is not None and found.total >= MOST_RANKED,
    )
