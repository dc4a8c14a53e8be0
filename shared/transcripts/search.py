"""The repository of search: finds segments by their terms, and indexes those that are not indexed yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from shared.database import Pool, transaction
from shared.search.query import Query
from shared.search.terms import vector
from shared.transcript import Role, Word
from shared.transcripts.rows import unpack

MOST_RANKED: Final = 2_000
"""How many hits are ranked, the newest sessions' first; who wants all of a common word sorts by time."""

# The newest hits: by the index of terms where these are rare, by walking back through the sessions where they are
# common; the planner knows which. The tenant is one of the terms, so nothing has to be joined to find its segments.
_HITS: Final = """
SELECT g.session_id, g.n, ts_rank_cd(g.search, $3::text::tsquery, 1)::float8 AS rank FROM transcript_segment g
WHERE {conditions} ORDER BY g.session_id DESC, g.n LIMIT {limit}
"""
_WITHIN: Final = """
g.session_id = ANY (ARRAY(
    SELECT s.id FROM session s LEFT JOIN job j ON j.id = s.transcription_job_id WHERE s.tenant_id = $2
    AND ({language}::text IS NULL OR lower(coalesce(s.language, j.language)) = {language}
         OR starts_with(lower(coalesce(s.language, j.language)), {language} || '-'))
    AND ({after}::timestamptz IS NULL OR s.created_at >= {after})
    AND ({before}::timestamptz IS NULL OR s.created_at < {before})
))
"""
_ROLE: Final = """
coalesce((SELECT v.role FROM session_speaker v WHERE v.session_id = g.session_id AND v.number = g.speaker), 'unknown')
"""
_SHOWN: Final = """
SELECT found.*, s.title, s.created_at, g.start_ms, g.end_ms, g.speaker, g.content, g.words, v.name, v.role
FROM found JOIN session s ON s.id = found.session_id AND s.tenant_id = $2
JOIN transcript_segment g ON g.session_id = found.session_id AND g.n = found.n
LEFT JOIN session_speaker v ON v.session_id = g.session_id AND v.number = g.speaker
"""
_BEST: Final = """
WITH hits AS MATERIALIZED ({hits}), found AS MATERIALIZED (
    SELECT *, (SELECT count(*) FROM hits) AS total FROM hits
    WHERE {rank}::float8 IS NULL OR (rank, session_id, -n) < ({rank}::float8, {session}::uuid, -{n}::int)
    ORDER BY rank DESC, session_id DESC, n LIMIT {limit}
)
{shown} ORDER BY rank DESC, session_id DESC, n
"""
_NEWEST: Final = """
WITH found AS MATERIALIZED ({hits})
{shown} ORDER BY session_id DESC, n
"""
_UNINDEXED: Final = (
    "SELECT g.session_id, g.n, g.content, s.tenant_id FROM transcript_segment g JOIN session s ON s.id = g.session_id"
    " WHERE g.search IS NULL ORDER BY g.session_id LIMIT $1"
)
_INDEX: Final = (
    "UPDATE transcript_segment g SET search = new.search::tsvector"
    " FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[]) AS new (session_id, n, content, search)"
    " WHERE g.session_id = new.session_id AND g.n = new.n AND g.content = new.content AND g.search IS NULL"
)


class SearchOrder(StrEnum):
    """What comes first."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Where to look; None means anywhere. `language` is a tag or the part before a hyphen."""

    session_id: UUID | None = None
    language: str | None = None
    created_after: datetime | None = None  # inclusive; of the session
    created_before: datetime | None = None  # exclusive
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of hits ended."""

    rank: float
    session_id: UUID
    n: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A segment that has what was looked for, and where in its text: characters from and to."""

    place: Place
    title: str
    created_at: datetime
    start_ms: int
    end_ms: int
    speaker: int | None
    speaker_name: str | None
    role: Role
    text: str
    words: tuple[Word, ...]
    found: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of hits; `total` counts those that were ranked, and is None where nothing was."""

    items: Sequence[Hit]
    total: int | None


class SearchRepository:
    """Full text in Postgres, each search within one tenant."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(
        self,
        tenant_id: str,
        query: Query,
        where: SearchFilter,
        *,
        order: SearchOrder,
        limit: int,
        after: Place | None = None,
    ) -> Hits:
        """A page of hits, the best of the newest MOST_RANKED or simply the newest first."""
        sql, values = _asked(tenant_id, query, where, order, limit, after)
        async with transaction(self._pool) as connection:
            # The plan that suits a rare word is the wrong one for a common word: it is made anew for each query.
            await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            rows = await connection.fetch(sql, *values)
        total = 0 if not rows and order is SearchOrder.RELEVANCE and after is None else None
        if rows and order is SearchOrder.RELEVANCE:
            total = rows[0]["total"]
        return Hits([_hit(row, query) for row in rows], total)

    async def index_some(self, limit: int = 2_000) -> int:
        """Index segments that are not indexed yet, as an older version left them; returns how many were."""
        rows = await self._pool.fetch(_UNINDEXED, limit)
        if rows:
            await self._pool.execute(
                _INDEX,
                [row["session_id"] for row in rows], [row["n"] for row in rows], [row["content"] for row in rows],
                [vector(row["content"], row["tenant_id"]) for row in rows],
            )  # fmt: skip
        return len(rows)


def _asked(
    tenant_id: str, query: Query, where: SearchFilter, order: SearchOrder, limit: int, after: Place | None
) -> tuple[str, list[Any]]:
    """The SQL of a search, and its values."""
    values: list[Any] = [query.as_tsquery(tenant_id), tenant_id, query.wanted_as_tsquery()]

    def value(given: Any) -> str:
        values.append(given)
        return f"${len(values)}"

    conditions = ["g.search @@ $1::text::tsquery"]
    if where.session_id is not None:
        conditions.append(f"g.session_id = {value(where.session_id)}")
    if where.language or where.created_after or where.created_before:
        language = value(where.language.lower() if where.language else None)
        times = {"after": value(where.created_after), "before": value(where.created_before)}
        conditions.append(_WITHIN.format(language=language, **times))
    if where.role is not None:
        conditions.append(f"{_ROLE} = {value(where.role)}")
    if order is SearchOrder.NEWEST:
        if after is not None:
            session, n = value(after.session_id), value(after.n)
            conditions.append(
                f"(g.session_id < {session}::uuid OR g.session_id = {session}::uuid AND g.n > {n}::int)"
            )
        hits = _HITS.format(conditions=" AND ".join(conditions), limit=value(limit))
        return _NEWEST.format(hits=hits, shown=_SHOWN), values
    hits = _HITS.format(conditions=" AND ".join(conditions), limit=value(MOST_RANKED))
    place = (after.rank, after.session_id, after.n) if after else (None, None, None)
    rank, session, n = map(value, place)
    return _BEST.format(hits=hits, rank=rank, session=session, n=n, limit=value(limit), shown=_SHOWN), values


def _hit(row: Any, query: Query) -> Hit:
    return Hit(
        Place(row["rank"], row["session_id"], row["n"]),
        title=row["title"],
        created_at=row["created_at"],
        start_ms=row["start_ms"],
        end_ms=row["end_ms"],
        speaker=row["speaker"],
        speaker_name=row["name"],
        role=Role(row["role"] or Role.UNKNOWN),
        text=row["content"],
        words=unpack(row["words"], row["speaker"]),
        found=tuple(query.find(row["content"])),
    )
