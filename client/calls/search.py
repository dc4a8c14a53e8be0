"""Full text over all transcripts of the caller."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from client.calls.reading import listed
from client.models import Hit
from client.plans import Feed
from shared.transcript import Role

_MOST_A_PAGE: Final = 100


def search(
    q: str,
    *,
    session_id: UUID | None = None,
    language: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    role: Role | None = None,
    sort: Literal["relevance", "newest"] | None = None,
    limit: int | None = 20,
) -> Feed[Hit]:
    """Segments that have every word of `q`: two words, a "phrase in quotes", beginn*, -without."""
    return listed(
        Hit,
        "/v1/search",
        limit,
        _MOST_A_PAGE,
        q=q,
        session_id=session_id,
        language=language,
        created_after=created_after,
        created_before=created_before,
        role=role,
        sort=sort,
    )
