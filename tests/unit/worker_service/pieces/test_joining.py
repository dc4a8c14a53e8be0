"""Joining: no word lost, none doubled, whatever the pieces hear a little differently."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.transcript import Word
from worker_service.pieces.joining import joint, matches

JITTER_MS = 90
HALF_MS = 4_000
TEXTS = st.sampled_from(["no", "no,", "No.", "well", "so", "想", "談", "coffee"])


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Word], list[int]]:
    """Words with their times, and where the recording is cut, seconds apart and anywhere, also inside a word."""
    at, words = 0, []
    for text in draw(st.lists(TEXTS, min_size=1, max_size=80)):
        at += draw(st.integers(4 * JITTER_MS, 900) | st.integers(900, 9_000))
        ends = at + draw(st.integers(60, 1_000))
        words.append(Word(text, at, ends))
        at = ends
    seam = 0
    seams: list[int] = []
    while (seam := seam + draw(st.integers(2 * HALF_MS, 20_000))) < at and len(seams) < 5:
        seams.append(seam)
    return words, seams


def heard(words: Sequence[Word], start: int, end: int, jitters: Sequence[int]) -> list[Word]:
    """What an engine hears of a stretch: whole words at times a little off, and a fragment where it cuts a word."""
    found = []
    for n, word in enumerate(words):
        off = jitters[n % len(jitters)]
        if start <= word.start_ms and word.end_ms <= end:
            found.append(Word(word.text, word.start_ms + off, word.end_ms + off))
        elif word.start_ms < start < word.end_ms - 30 or word.start_ms + 30 < end < word.end_ms:
            found.append(Word(f"~{word.text}", max(start, word.start_ms), min(end, word.end_ms)))
    return found


@settings(deadline=None)
@given(recordings(), st.lists(st.integers(-JITTER_MS, JITTER_MS), min_size=1, max_size=7))
def test_any_recording_cut_anywhere_joins_to_itself(
    cut: tuple[list[Word], list[int]], jitters: list[int]
) -> None:
    """The same words in the same order: none lost, none doubled, no fragment left."""
    words, seams = cut
    marks = [-10_000, *seams, words[-1].end_ms + 10_000]
    joined: list[Word] = []
    end = 0
    for n, (start, stop) in enumerate(pairwise(marks)):
        first, last = start - HALF_MS if n else start, stop + HALF_MS
        piece = heard(words, first, last, jitters[n % len(jitters) :] + jitters)
        if n:
            seam = joint(joined, piece, starts_ms=first, ends_ms=end)
            joined[seam.left :] = piece[seam.right :]
        else:
            joined = piece
        end = last
    assert [word.text for word in joined] == [word.text for word in words]


def say(text: str, start: int = 0, each: int = 500) -> list[Word]:
    return [Word(t, start + n * each, start + n * each + 400) for n, t in enumerate(text.split())]


def test_one_that_hears_nothing_in_the_overlap_leaves_it_to_the_other() -> None:
    """An engine may go deaf near the end of a piece: the other one's words are kept, on either side."""
    words = say("one two three four")
    for left, right, taken in (([], words, (0, 0)), (words, [], (4, 0))):
        seam = joint(left, right, starts_ms=0, ends_ms=2_000)
        assert (seam.left, seam.right, seam.pairs) == (*taken, ())


def test_two_hearings_that_agree_in_no_word_meet_at_the_seam() -> None:
    seam = joint(say("a b c d"), say("e f g h"), starts_ms=0, ends_ms=2_000)
    assert (seam.left, seam.right) == (2, 2)


def test_a_word_that_one_of_them_missed_costs_nothing() -> None:
    left, right = say("so what would you like to do"), say("so what you like to do")
    seam = joint(left, right, starts_ms=0, ends_ms=3_500)
    assert [word.text for word in (*left[: seam.left], *right[seam.right :])] == [w.text for w in left]


def test_words_are_matched_without_their_marks_and_capitals_and_near_in_time() -> None:
    assert matches(say("Well, no"), say("well No.")) == [(0, 0), (1, 1)]
    assert matches(say("well"), say("well", 2_000)) == []
    assert matches(say("no no no no"), say("no no no", 500)) == [(1, 0), (2, 1), (3, 2)]


def test_a_word_that_one_of_them_cuts_is_taken_from_the_other() -> None:
    """Nothing else is said near the seam: the whole word stays, and what the cut left of it goes, on either side."""
    whole, fragment, late = Word("no", 1_500, 2_500), Word("no", 1_500, 2_000), Word("no", 2_100, 2_400)
    for left, right in (([fragment], [whole]), ([fragment], [whole, late])):
        seam = joint(left, right, starts_ms=0, ends_ms=2_000)
        assert [*left[: seam.left], *right[seam.right :]] == right
    cut = Word("no", 0, 120)
    before = Word("no", -700, 30)  # as the other one times it: over before the overlap begins
    for seam in (
        joint([Word("no", -700, 300)], [cut], starts_ms=0, ends_ms=2_000),
        joint([before], [cut], starts_ms=0, ends_ms=2_000),
    ):
        assert (seam.left, seam.right) == (1, 1)
