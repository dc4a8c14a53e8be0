"""How text becomes terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.search.terms import Term, spans, tenant_term, terms, vector


def said(text: str) -> list[tuple[str, int]]:
    return [(term.text, term.position) for term in terms(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop", ["don", "t", "stop"]),
        ("Café ÅNGSTRÖM straße", ["cafe", "angstrom", "strasse"]),
        ("e\u0301te\u0301", ["ete"]),
        ("\uff21\uff22\uff23 \uff11", ["abc", "1"]),
        ("工作了", ["工作", "作了", "了"]),
        ("嗯。", ["嗯"]),
        ("換Google的工作", ["換", "google", "的工", "工作", "作"]),
        ("회사에서", ["회사", "사에", "에서", "서"]),
        ("がんばる", ["がん", "んば", "ばる", "る"]),
        ("नमस्ते दोस्त", ["नमस्ते", "दोस्त"]),
        ("Привет, мир", ["привет", "мир"]),
        ("__a_b__ 👍 --", ["a", "b"]),
        ("", []),
    ],
)
def test_terms_are_words_and_pairs(text: str, expected: list[str]) -> None:
    assert [term.text for term in terms(text)] == expected


def test_a_long_word_counts_by_its_beginning() -> None:
    assert said("x" * 500) == [("x" * 60, 1)]
    assert said("ß" * 500)[0][0] == "s" * 60


@given(st.text(max_size=80))
def test_every_text_has_terms_in_order_that_lie_in_it(text: str) -> None:
    made = list(terms(text))
    assert [term.position for term in made] == list(range(1, len(made) + 1))
    assert all(0 <= term.start < term.end <= len(text) for term in made)
    assert [term.start for term in made] == sorted(term.start for term in made)
    assert all(" " not in term.text and "'" not in term.text for term in made)


@given(st.text(alphabet="abc XYZ09.,'-_", max_size=60))
def test_the_quick_way_for_ascii_is_the_other_way(text: str) -> None:
    """A letter that is not ASCII sends the text the other way; the terms before it are the same."""
    assert [*terms(text)] == [*terms(f"{text} é")][:-1]


def test_a_vector_has_each_term_once_with_its_positions() -> None:
    assert vector("so so well", "t") == f"'{tenant_term('t')}' 'so':1,2 'well':3"
    assert vector("", "t") == f"'{tenant_term('t')}'"
    assert tenant_term("a'b") != tenant_term("t")


def test_spans_that_touch_are_one() -> None:
    assert spans([(5, 7), (0, 2), (2, 3), (6, 9)]) == [(0, 3), (5, 9)]


def test_a_term_knows_whether_it_is_of_a_run() -> None:
    assert [*terms("好的a")] == [
        Term("好的", 1, 0, 2, gram=True),
        Term("的", 2, 1, 2, gram=True, extra=True),
        Term("a", 3, 2, 3),
    ]
