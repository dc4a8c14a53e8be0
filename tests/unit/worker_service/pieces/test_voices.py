"""Whose voice is whose over the pieces of a recording, and when that is a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transcript import Word
from worker_service.pieces.voices import match, votes

Pair = tuple[int, int]


@pytest.mark.parametrize(
    ("known", "heard", "said", "numbers", "sure"),
    [
        ([1, 2], [1, 2], {(1, 2): 900, (2, 1): 400}, {1: 2, 2: 1}, True),
        ([1, 2], [1, 2], {(2, 1): 300}, {1: 2, 2: 1}, True),  # the other one is left over
        ([1, 2], [1], {(2, 1): 300}, {1: 2}, True),
        ([1], [1, 2], {(1, 2): 300}, {2: 1, 1: 2}, True),  # who was not there before is new
        ([], [1, 2], {}, {1: 1, 2: 2}, True),  # nobody has spoken yet
        ([1, 2], [1, 2], {}, {1: 1, 2: 2}, False),
        ([1], [1], {}, {1: 1}, False),  # the same, or the one who has not spoken yet
        ([1, 2], [], {}, {}, True),
        ([1, 2], [1, 2], {(1, 1): 500, (1, 2): 450}, {1: 1, 2: 2}, False),  # contradicts itself
        ([1, 2], [1, 2], {(1, 1): 5, (1, 2): 4, (2, 1): 4}, {2: 1, 1: 2}, False),
        ([1, 2], [1, 2, 3], {(2, 1): 9, (1, 2): 9}, {1: 2, 2: 1, 3: 3}, True),
    ],
)
def test_two_people(
    known: list[int], heard: list[int], said: dict[Pair, int], numbers: dict[int, int], sure: bool
) -> None:
    found = match(known, heard, said, expected=2)
    assert (dict(found.numbers), found.sure) == (numbers, sure)


def test_of_three_people_one_vote_does_not_tell_the_others() -> None:
    found = match([1, 2, 3], [1, 2, 3], {(2, 1): 900}, expected=3)
    assert (found.numbers[1], found.sure) == (2, False)
    assert match([1, 2, 3], [1, 2, 3], {(2, 1): 900, (3, 2): 9}, expected=3).sure


def test_one_person_is_always_the_same() -> None:
    assert match([1], [1], {}, expected=1).sure


@given(st.permutations(range(1, 9)), st.integers(1, 8))
def test_every_permutation_of_the_labels_is_undone(order: list[int], count: int) -> None:
    """Also of more voices than every assignment is tried for."""
    kept = [label for label in order if label <= count]
    said = {(number, label): 100 + number for number, label in enumerate(kept, start=1)}
    found = match(range(1, count + 1), sorted(kept), said, expected=count)
    assert found.sure
    assert [found.numbers[label] for label in kept] == list(range(1, count + 1))


def test_longer_words_say_more_and_words_without_a_speaker_nothing() -> None:
    def word(ms: int, speaker: int | None) -> Word:
        return Word("a", 0, ms, None, speaker)

    pairs = [(word(9, 1), word(300, 2)), (word(9, 1), word(200, 2)), (word(9, None), word(9, 1))]
    assert votes(pairs) == {(1, 2): 500}
