"""What a query finds in a text, and how it is written for Postgres."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.search.query import Query
from shared.search.terms import tenant_term, terms

TEXT = "Well, I don't know. 我最近一直在想要不要換Google的工作。Café, café!"


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("know", ["know"]),
        ("KNOW", ["know"]),
        ("kno", []),
        ("kno*", ["know"]),
        ("k*", []),
        ("don't", ["don't"]),
        ('"I don\'t know"', ["I don't know"]),
        ('"I know"', []),
        ("know well", ["Well", "know"]),
        ("know -nothing", ["know"]),
        ("cafe", ["Café", "café"]),
        ("工作", ["工作"]),
        ("作", ["作"]),
        ("想", ["想"]),
        ("在想要", ["在想要"]),
        ("換Google的", ["換Google的"]),
        ('"換 google"', ["換Google"]),
        ("想換", []),
        ('"工作 café"', ["工作。Café"]),
        ("的*", ["的"]),
    ],
)
def test_a_query_finds(q: str, found: list[str]) -> None:
    assert [TEXT[start:end] for start, end in Query.parse(q).find(TEXT)] == found


@pytest.mark.parametrize(
    ("q", "written"),
    [
        ("so well", "('so') & ('well')"),
        ('"so well"', "('so' <1> 'well')"),
        ("so* -well", "('so':*) & !('well')"),
        ("工作", "('工作')"),
        ("今天的工作", "('今天' <1> '天的' <1> '的工' <1> '工作')"),
        ("作", "('作':*)"),
        ('"工作 好"', "('工作' <2> '好':*)"),
        ("don't", "('don' <1> 't')"),
        ("'; DROP TABLE job; --", "('drop') & ('table') & ('job')"),
    ],
)
def test_a_query_is_written_for_postgres_within_its_tenant(q: str, written: str) -> None:
    """F43: the tenant is part of what is asked."""
    assert Query.parse(q).as_tsquery("mine") == f"'{tenant_term('mine')}' & {written}"


@pytest.mark.parametrize("q", ["", " ", "!!", "-so", '""', "👍", '-"so well"'])
def test_a_query_for_nothing_is_refused(q: str) -> None:
    with pytest.raises(InvalidRequestError, match="no word that could be looked for"):
        Query.parse(q)


@given(st.text(alphabet="ab éß 的工作了한국 .'", max_size=30), st.integers(0, 29), st.integers(1, 8))
def test_any_piece_of_a_text_that_is_whole_terms_is_found_in_it(text: str, at: int, length: int) -> None:
    there = list(terms(text))
    piece = there[at % len(there) :][:length] if there else []
    if piece:
        part = text[piece[0].start : piece[-1].end]
        assert any(
            start <= piece[0].start and end >= piece[-1].end
            for start, end in Query.parse(f'"{part}"').find(text)
        )
