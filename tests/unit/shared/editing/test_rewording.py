"""Word times through a change of text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.editing import rewording
from shared.editing.rewording import reword
from shared.transcript import Word, join_words

SAID = "So there are too offers on the table."


def said(*parts: str, each: int = 280, step: int = 300) -> list[Word]:
    return [Word(part, i * step, i * step + each, 0.9, 1) for i, part in enumerate(parts)]


def heard(text: str, words: list[Word]) -> list[tuple[str, int, int, float | None]]:
    return [(w.text, w.start_ms, w.end_ms, w.confidence) for w in reword(words, text)]


def test_the_same_text_keeps_its_words() -> None:
    words = said(*SAID.split())
    assert list(reword(words, SAID)) == words


def test_a_word_that_was_mended_takes_the_time_of_the_old_one() -> None:
    made = heard("So there are two offers on the table.", said(*SAID.split()))
    assert made[2:5] == [("are", 600, 880, 0.9), ("two", 900, 1180, None), ("offers", 1200, 1480, 0.9)]


def test_words_in_place_of_one_share_its_time_by_width() -> None:
    made = heard("So there are really two offers on the table.", said(*SAID.split()))
    assert made[3:5] == [("really", 900, 1086, None), ("two", 1086, 1180, None)]


def test_a_word_put_into_a_pause_takes_the_pause() -> None:
    words = [Word("So", 0, 200, 0.9, 1), Word("yes.", 1_000, 1_300, 0.9, 1)]
    assert heard("So well yes.", words) == [
        ("So", 0, 200, 0.9),
        ("well", 200, 1_000, None),
        ("yes.", 1_000, 1_300, 0.9),
    ]


def test_a_word_put_where_there_is_no_pause_shares_with_the_one_before() -> None:
    made = heard(f"{SAID} Yes", said(*SAID.split()))
    assert made[-2:] == [("table.", 2_100, 2_286, None), ("Yes", 2_286, 2_380, None)]


def test_words_that_were_taken_out_leave_the_others_where_they_were() -> None:
    assert heard("So offers", said(*SAID.split())) == [("So", 0, 280, 0.9), ("offers", 1_200, 1_480, 0.9)]


def test_chinese_is_compared_by_characters_and_whole_words_stay_whole() -> None:
    words = said("今天", "我", "想", "談談", "工作")
    made = heard("今天我很想談談工作", words)
    assert ("今天", 0, 280, 0.9) in made
    assert ("談談", 900, 1_180, 0.9) in made
    assert join_words(reword(words, "今天我很想談談工作")) == "今天我很想談談工作"


def test_without_words_there_are_none() -> None:
    assert reword((), "anything") == ()


def test_a_text_too_long_to_compare_shares_all_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewording, "_MOST_PAIRS", 3)
    assert heard("aa bb", said("aa", "cc", step=500)) == [("aa", 0, 390, None), ("bb", 390, 780, None)]


PARTS = st.lists(
    st.sampled_from(["a", "bb", "c,", "好", "談談", "。", "👍", "「好」"]), min_size=1, max_size=12
)


@given(PARTS, PARTS, st.integers(0, 400), st.booleans())
def test_times_run_forward_inside_the_old_ones(
    old: list[str], new: list[str], each: int, spaces: bool
) -> None:
    words = said(*old, each=each, step=400)
    text = (" " if spaces else "").join(new)
    made = reword(words, text)
    assert "".join(w.text for w in made) == text.replace(" ", "")
    assert all(w.start_ms <= w.end_ms for w in made)
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(made))
    assert made[0].start_ms >= words[0].start_ms
    assert made[-1].end_ms <= words[-1].end_ms
