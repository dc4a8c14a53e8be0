"""What is shown of a hit."""

from hypothesis import given
from hypothesis import strategies as st

from shared.search.excerpts import excerpt, said_at
from shared.search.query import Query
from shared.transcript import Word


def test_an_excerpt_begins_near_the_first_hit_at_a_space() -> None:
    text = "word " * 40 + "needle " + "word " * 60
    shown, found = excerpt(text.strip(), Query.parse("needle").find(text))
    assert shown.startswith("…word ")
    assert shown.endswith("word…")
    assert [shown[start:end] for start, end in found] == ["needle"]
    assert len(shown) <= 202


def test_a_short_text_is_shown_whole() -> None:
    assert excerpt("So well.", [(3, 7)]) == ("So well.", [(3, 7)])
    assert excerpt("So well.", []) == ("So well.", [])


def test_chinese_is_cut_between_characters() -> None:
    text = "今" * 100 + "工作" + "天" * 300
    shown, found = excerpt(text, [(100, 102)])
    assert shown.startswith("…今")
    assert [shown[start:end] for start, end in found] == ["工作"]


@given(st.text(max_size=400), st.lists(st.tuples(st.integers(0, 400), st.integers(1, 300)), max_size=4))
def test_hits_in_an_excerpt_say_what_they_say_in_the_text(text: str, places: list[tuple[int, int]]) -> None:
    found = sorted({(s, s + n) for s, n in places if s + n <= len(text)})
    shown, inside = excerpt(text, found)
    assert [shown[start:end] for start, end in inside] == [text[s:e] for s, e in found[: len(inside)]]
    assert bool(inside) == bool(found)


def test_words_tell_when_it_was_said() -> None:
    words = (Word("今天", 0, 300), Word("我", 300, 400), Word("工作", 900, 1_300), Word("了", 1_300, 1_400))
    text = "今天我工作了"
    assert said_at(text, words, Query.parse("工作").find(text)) == [(900, 1_300)]
    assert said_at(text, words, [(3, 6), (0, 1)]) == [(900, 1_400), (0, 300)]
    assert said_at(text, (), [(0, 1)]) == [None]
    assert said_at("another text", words, [(0, 7)]) == [None]
