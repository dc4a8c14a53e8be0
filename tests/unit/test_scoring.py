"""Tests of the scores that benchmarks and model tests rely on."""

import pytest

from benchmarks.scoring import diarization_error_rate, turns_of, word_error_rate
from shared.transcript import Word


@pytest.mark.parametrize(
    ("heard", "rate"),
    [
        ("Mister Brown, the ill-disposed, has 7 dogs.", 0),
        ("mr. brown the ill disposed has seven dogs", 0),
        ("Mister Green the ill-disposed has seven dogs", 1 / 8),
        ("Mister Brown the ill-disposed has dogs", 1 / 8),
        ("Mister Brown oh the ill-disposed has seven dogs", 1 / 8),
        ("", 1),
    ],
)
def test_word_errors(heard: str, rate: float) -> None:
    assert word_error_rate("Mister Brown the ill-disposed has seven dogs", heard) == rate


REFERENCE = [(0, 5_000, 1), (5_500, 10_000, 2)]


@pytest.mark.parametrize(
    ("heard", "rate"),
    [
        ([(0, 5_000, 2), (5_500, 10_000, 1)], 0),  # names do not matter
        ([(100, 4_900, 1), (5_400, 10_100, 2)], 0),  # nor do borders within the collar
        ([(0, 10_000, 1)], 4_000 / 8_500),  # confusion
        ([(0, 5_000, 1)], 4_000 / 8_500),  # missed
        ([(0, 5_000, 1), (5_500, 10_000, 2), (11_000, 12_000, 2)], 1_000 / 8_500),  # falsely found
        ([(0, 2_500, 1), (2_500, 5_000, 3), (5_500, 10_000, 2)], 2_250 / 8_500),  # one voice as two
    ],
)
def test_diarization_errors(heard: list[tuple[int, int, int]], rate: float) -> None:
    assert diarization_error_rate(REFERENCE, heard) == pytest.approx(rate, abs=0.01)


def test_words_make_turns() -> None:
    words = [
        Word("a", 0, 500, speaker=1),
        Word("b", 900, 1_000, speaker=1),
        Word("c", 1_100, 1_500, speaker=2),
    ]
    assert turns_of([*words, Word("d", 3_000, 3_100, speaker=2), Word("e", 4_000, 4_100)]) == [
        (0, 1_000, 1),
        (1_100, 1_500, 2),
        (3_000, 3_100, 2),
    ]
