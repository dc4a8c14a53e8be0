"""Full text over HTTP, on the index as edits leave it."""

import random
from typing import Any
from uuid import UUID

import pytest

from shared.database import transaction
from shared.search.query import Query
from shared.search.terms import vector
from shared.segments import segment
from shared.transcript import Role, Segment, Speaker, Word
from shared.transcripts.repository import TranscriptRepository
from shared.transcripts.search import SearchRepository
from tests.integration.api.conftest import Api


async def session(api: Api, *texts: str, **fields: Any) -> str:
    """A session in which these texts were said, coach and client in turn."""
    sent = await api.send(**fields)
    job = await api.claimed(sent)
    segments = []
    for n, text in enumerate(texts):
        words = tuple(
            Word(part, n * 9_000 + i * 500, n * 9_000 + i * 500 + 400, 0.9, n % 2 + 1)
            for i, part in enumerate(text.split())
        )
        segments.append(Segment(n, n * 9_000, n * 9_000 + 8_000, text, n % 2 + 1, 0.9, words))
    speakers = [Speaker(1, "Anna", Role.COACH, 0.9), Speaker(2, "Ben", Role.CLIENT, 0.9)]
    async with transaction(api.pool) as connection:
        assert await api.jobs.succeed(
            connection, job, warnings=[], model="m", language=fields.get("language")
        )
        await TranscriptRepository(api.pool).replace(connection, job.session_id, segments, speakers)
    return str(job.session_id)


async def found(api: Api, q: str, **where: Any) -> dict[str, Any]:
    answer = await api.http.get("/v1/search", params={"q": q, **where})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def texts(api: Api, q: str, **where: Any) -> list[str]:
    return [hit["text"] for hit in (await found(api, q, **where))["items"]]


async def test_a_hit_says_where_and_when(api: Api) -> None:
    one = await session(api, "How are you?", "I have two offers and no idea.", title="第一次")
    page = await found(api, "offers idea")
    (hit,) = page["items"]
    assert (hit["session_id"], hit["title"], hit["n"], hit["role"], hit["name"]) == (
        one, "第一次", 1, "client", "Ben",
    )  # fmt: skip
    assert hit["matches"] == [
        {"start": 11, "end": 17, "start_ms": 10_500, "end_ms": 10_900},
        {"start": 25, "end": 29, "start_ms": 12_000, "end_ms": 12_400},
    ]
    assert hit["snippet"] == {
        "text": hit["text"],
        "matches": [{"start": 11, "end": 17}, {"start": 25, "end": 29}],
    }
    assert (page["total"], page["capped"], page["next_cursor"]) == (1, False, None)
    assert await found(api, "nothing") == {"items": [], "next_cursor": None, "total": 0, "capped": False}


async def test_words_phrases_beginnings_and_what_must_not_be_there(api: Api) -> None:
    await session(api, "A decision about work.", "Deciding is work, they say.", "Work and decision.")
    assert set(await texts(api, "work decision")) == {"A decision about work.", "Work and decision."}
    assert await texts(api, '"about work"') == ["A decision about work."]
    assert len(await texts(api, "deci*")) == 3
    assert await texts(api, "work -decision") == ["Deciding is work, they say."]


async def test_chinese_is_found_by_any_of_its_characters(api: Api) -> None:
    await session(api, "我最近一直在想要不要換Google的工作。", "嗯。好的。", language="zh-TW")
    for q in ("工作", "作", "換google", "一直在想", "想 工作"):
        assert await texts(api, q) == ["我最近一直在想要不要換Google的工作。"], q
    assert await texts(api, "想換") == []
    assert await texts(api, "好") == ["嗯。好的。"]


async def test_filters_say_where_to_look(api: Api) -> None:
    one = await session(api, "work", "my work", language="en-US")
    two = await session(api, "the work", language="zh-TW")
    assert set(await texts(api, "work")) == {"work", "my work", "the work"}
    assert await texts(api, "work", language="zh") == ["the work"]
    assert await texts(api, "work", role="client") == ["my work"]
    assert set(await texts(api, "work", session_id=one)) == {"work", "my work"}
    made = (await api.get(f"/v1/sessions/{two}")).json()["created_at"]
    assert await texts(api, "work", created_after=made) == ["the work"]
    assert set(await texts(api, "work", created_before=made, language="en")) == {"work", "my work"}


async def test_the_role_that_counts_is_the_one_of_now(api: Api) -> None:
    """F24: a swap of coach and client is a swap here too; who is unknown is neither."""
    one = await session(api, "my work")
    stated = [{"number": 1, "name": "Anna", "role": "client"}, {"number": 2, "name": "Ben"}]
    put = await api.http.put(
        f"/v1/sessions/{one}/speakers", json={"speakers": stated}, headers={"If-Match": "*"}
    )
    assert put.status_code == 200
    assert await texts(api, "work", role="client") == ["my work"]
    assert await texts(api, "work", role="coach") == []
    assert await texts(api, "work", role="unknown") == []


async def test_edits_and_their_undoing_are_found_at_once(api: Api) -> None:
    one = await session(api, "A kaleidoscope of options.", "Yes.")
    url = f"/v1/sessions/{one}"
    edit = {"If-Match": "*"}
    await api.http.patch(f"{url}/segments/0", json={"text": "A telescope."}, headers=edit)
    assert (await texts(api, "kaleidoscope"), await texts(api, "telescope")) == ([], ["A telescope."])
    await api.http.post(f"{url}/transcript/undo", headers=edit)
    assert (await texts(api, "kaleidoscope"), await texts(api, "telescope")) == (
        ["A kaleidoscope of options."], [],
    )  # fmt: skip
    await api.http.post(f"{url}/segments/0/split", json={"at": 15}, headers=edit)
    assert [(h["n"], h["text"]) for h in (await found(api, "options"))["items"]] == [(1, "of options.")]
    assert [(h["n"], h["text"]) for h in (await found(api, "yes"))["items"]] == [(2, "Yes.")]
    await api.http.delete(url)
    assert await texts(api, "options") == []


@pytest.mark.parametrize("sort", ["relevance", "newest"])
async def test_pages_show_every_hit_once(api: Api, sort: str) -> None:
    for n in range(4):
        await session(api, *(f"work {'work ' * (i % 3)}{n}.{i}" for i in range(7)))
    whole = await texts(api, "work", sort=sort, limit=100)
    assert len(whole) == 28
    shown: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await found(api, "work", sort=sort, limit=5, **cursor)
        shown += [hit["text"] for hit in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert shown == whole
    if sort == "newest":
        assert whole == sorted(whole, key=lambda text: (-int(text[-3]), int(text[-1])))
    else:
        assert whole[0].count("work") == 3


async def test_what_is_close_together_in_a_short_segment_comes_first(api: Api) -> None:
    far = "budget " + "and so on " * 12 + "deadline"
    await session(api, far, "Budget, deadline.", "deadline somewhere else")
    assert await texts(api, "budget deadline") == ["Budget, deadline.", far]


@pytest.mark.parametrize(
    "params",
    [{}, {"q": ""}, {"q": "!"}, {"q": "-a"}, {"q": "x", "sort": "best"}, {"q": "x", "cursor": "eA"}, {"q": "a\0"},
     {"q": "x" * 201}, {"q": "x", "role": "king"}, {"q": "x", "limit": 101}, {"q": "x", "colour": "red"}],
)  # fmt: skip
async def test_a_query_that_cannot_be_asked_is_refused(api: Api, params: dict[str, str]) -> None:
    answer = await api.http.get("/v1/search", params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_postgres_and_the_highlights_agree(api: Api) -> None:
    """What the index finds is what is marked in the text, for any mixture of scripts."""
    dice = random.Random(3)  # noqa: S311
    pieces = [
        "so",
        "well",
        "Café",
        "don't",
        "工作",
        "的",
        "換",
        "了好",
        "한국",
        "👍",
        ".",
        " ",
        " ",
        "工作了",
        "wel",
    ]

    def some(most: int) -> str:
        return "".join(dice.choice(pieces) for _ in range(dice.randint(1, most)))

    wrong, hits = [], 0
    for _ in range(400):
        text, q = some(12), some(3)
        q = f'"{q}"' if dice.random() < 0.3 else f"{q}*" if dice.random() < 0.3 else q
        try:
            query = Query.parse(q)
        except Exception:  # noqa: BLE001, S112
            continue
        matched = await api.pool.fetchval(
            "SELECT $1::text::tsvector @@ $2::text::tsquery", vector(text, "t"), query.as_tsquery("t")
        )
        there = all(Query((phrase,), ()).find(text) for phrase in query.wanted)
        hits += there
        if matched != there:
            wrong.append((q, text, matched))
    assert wrong == []
    assert hits > 50


async def test_what_an_older_version_wrote_is_indexed_by_the_sweep(api: Api) -> None:
    await session(api, "A kaleidoscope.", "Yes.")
    await api.pool.execute("UPDATE transcript_segment SET search = NULL")
    assert await texts(api, "kaleidoscope") == []
    assert await SearchRepository(api.pool).index_some(1) == 1
    assert await SearchRepository(api.pool).index_some() == 1
    assert await SearchRepository(api.pool).index_some() == 0
    assert await texts(api, "kaleidoscope") == ["A kaleidoscope."]


async def test_a_long_transcript_is_indexed_as_it_is_segmented(api: Api) -> None:
    """Words from an engine, cut into segments by our own rules, are all found."""
    sent = await api.send()
    job = await api.claimed(sent)
    words = [
        Word(f"w{n}" + "." * (n % 9 == 8), n * 300, n * 300 + 250, 0.9, n // 50 % 2 + 1) for n in range(600)
    ]
    async with transaction(api.pool) as connection:
        assert await api.jobs.succeed(connection, job, warnings=[], model="m", language="en")
        await TranscriptRepository(api.pool).replace(connection, job.session_id, segment(words), ())
    for n in (0, 299, 599):
        (hit,) = (await found(api, f"w{n}"))["items"]
        assert hit["matches"][0]["start_ms"] == n * 300
        assert UUID(hit["session_id"]) == job.session_id
