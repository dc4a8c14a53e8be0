"""Cuts: everything is in a piece, none is too long, and each is where nobody speaks."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from worker_service.pieces.cutting import Cutting, Span, seams, spans

MINUTE = 60_000
TWENTY = Cutting.of(20 * MINUTE)
STEP_MS = 50
LOUD, QUIETER = 230, 180  # in quarters of a decibel, 255 is full scale


def peaks(duration_ms: int, *quiet: tuple[int, int]) -> list[int]:
    """Loud throughout but for some stretches."""
    found = [LOUD] * (duration_ms // STEP_MS)
    for start, end in quiet:
        found[start // STEP_MS : end // STEP_MS] = [0] * ((end - start) // STEP_MS)
    return found


def cut(peaks: list[int], minutes: int) -> tuple[Span, ...]:
    return spans(peaks, STEP_MS, minutes * MINUTE, TWENTY)


@given(
    st.integers(1_000, 30 * MINUTE),
    st.integers(4_000, 20 * MINUTE),
    st.lists(st.integers(0, 255), min_size=1, max_size=40),
    st.sampled_from((25, 50, 400)),
)
@settings(deadline=None, max_examples=60)
def test_the_pieces_are_the_recording_and_none_is_too_long(
    duration_ms: int, longest_ms: int, pattern: list[int], step_ms: int
) -> None:
    """Whatever is heard: in order, overlapping, from the first millisecond to the last."""
    cutting = Cutting.of(longest_ms)
    count = duration_ms // step_ms
    pieces = spans((pattern * (count // len(pattern) + 1))[:count], step_ms, duration_ms, cutting)
    assert len(pieces) == cutting.count(duration_ms)
    assert (pieces[0].start_ms, pieces[-1].end_ms) == (0, duration_ms)
    assert all(0 < piece.length_ms <= longest_ms for piece in pieces)
    for left, right in pairwise(pieces):
        assert left.start_ms < right.start_ms < left.end_ms < right.end_ms
        assert left.end_ms - right.start_ms >= cutting.overlap_ms - 1
    assert all(one.end_ms <= other.start_ms for one, other in zip(pieces, pieces[2:], strict=False))


def test_what_fits_is_not_cut() -> None:
    assert cut([], 20) == (Span(0, 20 * MINUTE),)
    assert TWENTY.sent_ms(20 * MINUTE) == 20 * MINUTE


def test_ninety_minutes_are_five_even_pieces() -> None:
    pieces = cut(peaks(90 * MINUTE), 90)
    assert [piece.length_ms for piece in pieces] == [1_095_000, *[1_110_000] * 3, 1_095_000]
    assert sum(piece.length_ms for piece in pieces) == TWENTY.sent_ms(90 * MINUTE) == 92 * MINUTE


def test_a_cut_is_in_the_middle_of_the_pause_that_is_nearest() -> None:
    """Pauses as long as a breath do; a word is never under the cut."""
    heard = peaks(30 * MINUTE, (891_000, 891_800), (880_000, 880_800), (925_000, 929_000))
    (at,) = seams(cut(heard, 30))
    assert 891_300 <= at <= 891_500


def test_where_there_is_no_pause_the_quietest_place_does() -> None:
    heard = peaks(30 * MINUTE)
    heard[905_000 // STEP_MS : 905_700 // STEP_MS] = [QUIETER] * 14
    (at,) = seams(cut(heard, 30))
    assert 905_300 <= at <= 905_400


def test_an_overlap_reaches_to_where_somebody_speaks() -> None:
    """A minute of silence at the seam says nothing of whose voice is whose."""
    left, right = cut(peaks(30 * MINUTE, (860_000, 940_000)), 30)
    assert (right.start_ms, left.end_ms) == (855_000, 945_000)


def test_an_overlap_grows_no_further_than_pays() -> None:
    left, right = cut(peaks(30 * MINUTE, (0, 30 * MINUTE)), 30)
    assert left.end_ms - right.start_ms == 180_000
