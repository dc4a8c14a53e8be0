"""Segments: nothing lost, nothing doubled, times that can be true, and cuts where a reader expects them."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.segments import mean_confidence, repair, segment, settle
from shared.transcript import Word, display_width, join_words

TEXTS = st.sampled_from(["so", "well,", "right.", "Why?", "想", "說。", "Dr.", "…", "supercalifragilistic"])
WORDS = st.lists(
    st.builds(
        Word,
        text=TEXTS,
        start_ms=st.integers(-50, 100_000),
        end_ms=st.integers(-50, 100_000),
        confidence=st.none() | st.floats(0, 1),
        speaker=st.none() | st.integers(1, 3),
        joined=st.booleans(),
    ),
    max_size=60,
)


def say(
    text: str, start: int = 0, speaker: int | None = 1, each: int = 300, confidence: float | None = None
) -> list[Word]:
    """Words spoken back to back, each `each` milliseconds long."""
    return [
        Word(t, start + i * each, start + (i + 1) * each, confidence, speaker)
        for i, t in enumerate(text.split())
    ]


@given(WORDS)
def test_no_word_is_lost_doubled_or_moved(words: list[Word]) -> None:
    """F22: every word once, in the order in which it was spoken."""
    kept = [w for s in segment(words) for w in s.words]
    assert [(w.text, w.joined, w.confidence) for w in kept] == [
        (w.text, w.joined, w.confidence) for w in words
    ]


@given(WORDS)
def test_times_are_monotone_integers_and_never_overlap(words: list[Word]) -> None:
    """F29, F34: integer milliseconds, each start <= end <= next start, also from times that cannot be true."""
    segments = segment(words)
    kept = [w for s in segments for w in s.words]
    assert all(isinstance(t, int) for w in kept for t in (w.start_ms, w.end_ms))
    assert all(0 <= w.start_ms <= w.end_ms for w in kept)
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(kept))
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(segments))
    assert [s.n for s in segments] == list(range(len(segments)))


@given(WORDS, st.integers(20, 200), st.integers(1_000, 20_000))
def test_a_segment_is_one_speaker_within_bounds(words: list[Word], max_chars: int, max_ms: int) -> None:
    for s in segment(words, max_chars=max_chars, max_ms=max_ms):
        assert {w.speaker for w in s.words} == {s.speaker}
        assert s.text == join_words(s.words)
        assert (s.start_ms, s.end_ms) == (s.words[0].start_ms, s.words[-1].end_ms)
        assert len(s.words) == 1 or (display_width(s.text) <= max_chars and s.end_ms - s.start_ms <= max_ms)


@given(WORDS)
def test_repaired_times_need_no_repair(words: list[Word]) -> None:
    once = repair(words)
    assert repair(once) == once


def test_good_times_stay_as_they_are() -> None:
    words = say("one two three")
    assert repair(words) == tuple(words)


def test_one_wrong_time_moves_no_other_word() -> None:
    """F22: an outlier or an omitted offset in the middle must not push what stands around it."""
    words = say("a b c d e f")
    words[2] = Word("c", 3_600_000, 3_600_200, None, 1)
    words[4] = Word("e", 0, 300, None, 1)
    assert [(w.start_ms, w.end_ms) for w in repair(words)] == [
        (0, 300), (300, 600), (600, 800), (900, 1200), (1200, 1500), (1500, 1800),
    ]  # fmt: skip


def test_an_overlap_is_cut_short_and_a_reversed_word_keeps_its_start() -> None:
    words = [Word("a", 0, 900), Word("b", 500, 400), Word("c", 600, 800)]
    assert [(w.start_ms, w.end_ms) for w in repair(words)] == [(0, 500), (500, 500), (600, 800)]


def test_blank_words_say_nothing() -> None:
    assert segment([Word(" ", 0, 10), Word("", 10, 20)]) == ()
    assert segment([]) == ()


def test_a_change_of_speaker_ends_a_segment() -> None:
    segments = segment([*say("How are you?"), *say("Fine.", 1_000, speaker=2), *say("Good.", 1_500)])
    assert [(s.speaker, s.text) for s in segments] == [(1, "How are you?"), (2, "Fine."), (1, "Good.")]


def test_an_unknown_speaker_stays_unknown() -> None:
    """F24: words without a speaker are a segment of nobody, not of the one before."""
    segments = segment([*say("Hello there."), *say("Hm hm.", 700, speaker=None), *say("Yes we can.", 1_400)])
    assert [s.speaker for s in segments] == [1, None, 1]


def test_a_long_pause_ends_a_segment() -> None:
    words = [*say("I was thinking"), *say("about it.", 900 + 2_000)]
    assert [s.text for s in segment(words)] == ["I was thinking", "about it."]
    assert len(segment(words, pause_ms=2_001)) == 1


def test_a_sentence_ends_a_segment_only_when_it_is_long_enough() -> None:
    words = say("One two three. Four five six. Seven.")
    assert [s.text for s in segment(words, enough_chars=20)] == ["One two three. Four five six.", "Seven."]
    assert [s.text for s in segment(words, enough_ms=900)] == ["One two three.", "Four five six.", "Seven."]


@pytest.mark.parametrize("text", ["I met Dr. Brown there", "It costs approx. ten now", "Ask John F. Kennedy"])
def test_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert len(segment(say(text), enough_chars=1)) == 1


def test_what_is_too_long_is_divided_evenly_at_a_natural_place() -> None:
    words = say("we went to the market and bought some bread, then we came home and ate it all up")
    assert [s.text for s in segment(words, max_chars=60)] == [
        "we went to the market and bought some bread,",
        "then we came home and ate it all up",
    ]


def test_chinese_needs_no_spaces_and_counts_double() -> None:
    words = [Word(c, i * 200, i * 200 + 200, None, 1) for i, c in enumerate("今天我想談談工作。然後呢?")]
    assert [s.text for s in segment(words)] == ["今天我想談談工作。然後呢?"]
    assert [s.text for s in segment(words, max_chars=18)] == ["今天我想談談工作。", "然後呢?"]


def flicker(gap: int = 0, text: str = "and", before: str = "I think so") -> Sequence[Word]:
    first = say(before)
    lone = say(text, first[-1].end_ms + gap, speaker=2)
    return [*first, *lone, *say("then it ends.", lone[-1].end_ms + gap)]


def speakers(words: Sequence[Word]) -> set[int | None]:
    return {w.speaker for w in settle(repair(words))}


def test_a_lone_word_inside_a_sentence_goes_back_to_its_speaker() -> None:
    assert speakers(flicker()) == {1}
    assert [s.text for s in segment(flicker())] == ["I think so and then it ends."]


def test_a_real_reply_is_kept() -> None:
    assert speakers(flicker(gap=201)) == {1, 2}  # a pause around it
    assert speakers(flicker(text="Yes.")) == {1, 2}  # a sentence of its own
    assert speakers(flicker(before="I think so.")) == {1, 2}  # between two sentences
    assert speakers(flicker(before="So")) == {1, 2}  # too little on one side
    assert speakers([Word(w.text.strip("."), w.start_ms, w.end_ms, None, w.speaker) for w in flicker()]) == {
        1,
        2,
    }  # no punctuation anywhere: sentences are unknown


def test_confidence_is_weighted_by_duration() -> None:
    assert mean_confidence([Word("a", 0, 100, 1.0), Word("b", 100, 400, 0.6), Word("c", 400, 900)]) == 0.7
    assert mean_confidence([Word("a", 0, 0, 0.5)]) == 0.5
    assert segment(say("no rating"))[0].confidence is None
