"""Edits of any kind, in any order: what they promise, and that undoing all of them leads back."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.editing.content import Content, Patch, difference
from shared.editing.edits import (
    Edit,
    EditKind,
    Merge,
    NameSpeakers,
    Reassign,
    Remove,
    Replace,
    Rewrite,
    Split,
)
from shared.errors import InvalidRequestError, NotFoundError, TranscriptsError
from shared.segments import segment
from shared.transcript import Role, Segment, Speaker, Word, join_words

VOCABULARY = ["so", "well,", "right.", "想", "說「好」。", "今天", "談談工作", "don't", "👍", "e-mail"]
SPEAKERS = (Speaker(1, "Anna", Role.COACH, 0.9), Speaker(2, "Ben", Role.CLIENT, 0.9))


@st.composite
def contents(draw: st.DrawFn) -> Content:
    texts = draw(st.lists(st.sampled_from(VOCABULARY), max_size=40))
    steps = draw(st.lists(st.integers(0, 3_000), min_size=len(texts), max_size=len(texts)))
    words, now = [], 0
    for text, step in zip(texts, steps, strict=True):
        speaker = draw(st.sampled_from([1, 1, 1, 2, 2, None]))
        words.append(Word(text, now, now + step // 2, 0.5, speaker))
        now += step
    segments = list(segment(words))
    wordless: bool = draw(st.booleans())
    if segments and wordless:  # one that came without words
        segments[0] = replace(segments[0], words=(), confidence=None)
    return Content(tuple(segments), SPEAKERS)


NUMBERS = st.integers(0, 12)
SPEAKER = st.sampled_from([1, 2, None])
TEXTS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12).map(" ".join)
EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(Rewrite, NUMBERS, TEXTS),
    st.builds(Rewrite, NUMBERS, st.none(), SPEAKER),
    st.builds(Split, NUMBERS, st.integers(1, 30)),
    st.builds(Split, NUMBERS, st.integers(1, 30), SPEAKER),
    st.builds(Merge, NUMBERS, st.integers(2, 4)),
    st.builds(Remove, st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)),
    st.builds(Reassign, st.lists(NUMBERS, min_size=1, max_size=4).map(tuple), SPEAKER),
    st.just(NameSpeakers(((1, "Anna", Role.CLIENT), (2, "Ben", Role.COACH)))),
    st.builds(Replace, contents(), st.just(EditKind.IMPORT)),
)


def run(content: Content, edits: Sequence[Edit]) -> tuple[Content, list[Patch]]:
    """The content after those of the edits that it takes, and the patches of those."""
    patches = []
    for edit in edits:
        try:
            after = edit.apply(content)
        except TranscriptsError:
            continue
        patches.append(difference(content, after))
        content = after
    return content, patches


@given(contents(), st.lists(EDITS, max_size=12))
@settings(max_examples=150)
def test_undoing_every_edit_leads_back_and_redoing_forth(original: Content, edits: list[Edit]) -> None:
    edited, patches = run(original, edits)
    content = edited
    for patch in reversed(patches):
        content = patch.inverted().applied(content)
    assert content == original
    for patch in patches:
        assert patch.inverted().inverted() == patch
        content = patch.applied(content)
    assert content == edited


@given(contents(), st.lists(EDITS, max_size=8))
def test_any_edits_leave_a_transcript(original: Content, edits: list[Edit]) -> None:
    """Numbers count from 0, texts are not empty, words stay in their segment, in order, and are of its speaker."""
    content, _ = run(original, edits)
    assert [s.n for s in content.segments] == list(range(len(content.segments)))
    for s in content.segments:
        assert s.text.strip() == s.text != ""
        assert s.start_ms <= s.end_ms
        assert all(w.speaker == s.speaker for w in s.words)
        assert all(s.start_ms <= w.start_ms <= w.end_ms <= s.end_ms for w in s.words)
        assert all(left.end_ms <= right.start_ms for left, right in pairwise(s.words))
        if s.words:
            assert join_words(s.words).replace(" ", "") == s.text.replace(" ", "")


@given(contents(), NUMBERS, st.integers(1, 30))
def test_a_split_keeps_every_character_and_every_time(content: Content, n: int, at: int) -> None:
    try:
        after = Split(n, at).apply(content)
    except (InvalidRequestError, NotFoundError):
        return
    before, (left, right) = content.segments[n], after.segments[n : n + 2]
    assert (left.text + right.text).replace(" ", "") == before.text.replace(" ", "")
    assert left.text == before.text[:at].rstrip()
    assert (left.start_ms, right.end_ms) == (before.start_ms, before.end_ms)
    assert left.end_ms <= right.start_ms
    merged = Merge(n).apply(after).segments[n]
    assert (merged.start_ms, merged.end_ms) == (before.start_ms, before.end_ms)


def a(*texts: str, words: bool = True, speaker: int | None = 1) -> Content:
    """Segments of a second each, a word every 200 ms."""
    segments = []
    for n, text in enumerate(texts):
        said = tuple(
            Word(part, n * 1_000 + i * 200, n * 1_000 + i * 200 + 150, 0.8, speaker)
            for i, part in enumerate(text.split())
        )
        end = said[-1].end_ms if words else n * 1_000 + 1_000
        segments.append(Segment(n, n * 1_000, end, text, speaker, 0.8, said if words else ()))
    return Content(tuple(segments), SPEAKERS)


def times(words: Sequence[Word]) -> list[tuple[str, int, int]]:
    return [(word.text, word.start_ms, word.end_ms) for word in words]


def test_a_split_cuts_between_words() -> None:
    left, right = Split(0, 7, 2).apply(a("How are you? Well, thanks.")).segments
    assert (left.text, right.text) == ("How are", "you? Well, thanks.")
    assert times(left.words) == [("How", 0, 150), ("are", 200, 350)]
    assert (left.end_ms, right.start_ms, right.speaker) == (350, 400, 2)
    assert {word.speaker for word in right.words} == {2}


def test_a_split_inside_a_word_shares_its_time() -> None:
    left, right = Split(0, 2).apply(a("談談工作")).segments
    assert times(left.words + right.words) == [("談談", 0, 75), ("工作", 75, 150)]


def test_a_split_without_words_shares_time_by_width() -> None:
    left, right = Split(0, 3).apply(a("one three", words=False)).segments
    assert (left.text, left.end_ms, right.text, right.start_ms) == ("one", 375, "three", 375)


@pytest.mark.parametrize("at", [0, 9, 100, -1])
def test_a_split_that_leaves_nothing_is_refused(at: int) -> None:
    with pytest.raises(InvalidRequestError, match="from 1 to 8"):
        Split(0, at).apply(a("one three"))


def test_a_merge_joins_texts_as_their_script_is_written() -> None:
    assert Merge(0).apply(a("So.", "Well.")).segments[0].text == "So. Well."
    assert Merge(0).apply(a("今天", "我想談。")).segments[0].text == "今天我想談。"


def test_a_merge_takes_the_first_speaker_or_the_one_that_is_named() -> None:
    content = Reassign((1,), 2).apply(a("So.", "Well.", "Yes."))
    assert Merge(0, 3).apply(content).segments[0].speaker == 1
    merged = Merge(0, 2, None).apply(content).segments[0]
    assert merged.speaker is None
    assert {word.speaker for word in merged.words} == {None}


def test_a_merge_past_the_end_is_refused() -> None:
    with pytest.raises(NotFoundError, match="has 2"):
        Merge(1).apply(a("So.", "Well."))


def test_a_merge_that_would_mix_timed_and_untimed_text_keeps_no_words() -> None:
    content = a("So.", "Well.")
    content = replace(content, segments=(content.segments[0], replace(content.segments[1], words=())))
    assert Merge(0).apply(content).segments[0].words == ()


def test_an_unknown_speaker_is_refused_and_nobody_is_not() -> None:
    """F24: nobody knows is an answer."""
    with pytest.raises(InvalidRequestError, match="no speaker 7; there are: 1, 2"):
        Reassign((0,), 7).apply(a("So."))
    assert Reassign((0,), None).apply(a("So.")).segments[0].speaker is None


def test_one_call_swaps_coach_and_client() -> None:
    """F24."""
    swapped = NameSpeakers(((2, "Ben", Role.COACH), (1, "Anna", Role.CLIENT))).apply(a("So."))
    assert [(s.number, s.role, s.role_confidence) for s in swapped.speakers] == [
        (1, Role.CLIENT, 1.0),
        (2, Role.COACH, 1.0),
    ]


def test_a_role_that_nobody_states_stays_unknown() -> None:
    """F24."""
    (speaker,) = NameSpeakers(((1, "Anna", Role.UNKNOWN),)).apply(a("So.")).speakers
    assert (speaker.role, speaker.role_confidence) == (Role.UNKNOWN, 0.0)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (((2, "Ben", Role.CLIENT),), "Still speaking and not in the list: 1"),
        (((1, "Ben", Role.CLIENT), (1, "Anna", Role.COACH)), "twice"),
    ],
)
def test_speakers_who_cannot_be_are_refused(stated: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        NameSpeakers(stated).apply(a("So."))


def test_a_text_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="Remove the segment"):
        Rewrite(0, " \n ").apply(a("So."))


def test_line_breaks_become_spaces() -> None:
    assert Rewrite(0, " So,\n\n  yes. ").apply(a("So.")).segments[0].text == "So, yes."


def test_segments_between_those_that_change_stay_untouched() -> None:
    """F31: two people who work on different places do not stand in each other's way."""
    content = a("1", "2", "3", "4", "5")
    patch = difference(content, Reassign((1, 3), 2).apply(content))
    assert [(splice.at, len(splice.removed)) for splice in patch.splices] == [(1, 1), (3, 1)]


def test_a_patch_refuses_another_content() -> None:
    content = a("1", "2")
    patch = difference(content, Rewrite(0, "x").apply(content))
    with pytest.raises(ValueError, match="another content"):
        patch.applied(a("9", "2"))


def test_an_edit_that_changes_nothing_is_no_difference() -> None:
    content = a("1", "2")
    assert not difference(content, Rewrite(0, "1", 1).apply(content))
    assert not difference(content, Replace(content, EditKind.IMPORT).apply(content))
