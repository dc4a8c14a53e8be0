"""Tests of giving words to voices, with an encoder that is told what it hears."""

from itertools import pairwise

import numpy as np
import pytest

from shared.transcript import Word
from worker_service.engines.local.audio import Piece
from worker_service.engines.local.dvector import unit
from worker_service.engines.local.speakers import Diarizer
from worker_service.engines.local.torch_file import Array

Turns = list[tuple[int, int, int]]  # start and end in milliseconds, voice


class Scripted(Diarizer):
    """A diarizer that gathers from a script instead of from sound: a window each 200 ms of every turn."""

    def __init__(self, turns: Turns, most: int) -> None:
        super().__init__(None, most, 60_000)  # type: ignore[arg-type]
        chance = np.random.default_rng(0)
        voices = unit(np.eye(256, dtype=np.float32)[:8] + 0.05)
        for start, end, voice in turns:
            times = list(range(start + 800, end - 799, 200))
            noise = chance.normal(0, 0.02, (len(times), 256))
            self._vectors.append(unit((voices[voice] + noise).astype(np.float32)))
            self._times += times


def words(*spans: tuple[int, int]) -> list[Word]:
    """Words of half a second with no pause between them, over each span of milliseconds."""
    return [Word("w", at, at + 500) for start, end in spans for at in range(start, end, 500)]


def speakers(turns: Turns, spoken: list[Word], most: int = 2) -> tuple[list[int | None], str | None]:
    named, doubt = Scripted(turns, most).attribute(spoken)
    assert [(w.text, w.start_ms) for w in named] == [(w.text, w.start_ms) for w in spoken]
    return [word.speaker for word in named], doubt.code if doubt else None


def test_speakers_are_numbered_in_the_order_in_which_they_speak() -> None:
    turns = [(0, 5_000, 3), (5_000, 10_000, 1), (10_000, 15_000, 3)]
    found, doubt = speakers(turns, words((0, 15_000)))
    assert found == [1] * 10 + [2] * 10 + [1] * 10
    assert doubt is None


def test_who_spoke_before_anyone_else_is_first_even_if_heard_last_by_the_clustering() -> None:
    found, _ = speakers([(0, 4_000, 1), (5_000, 30_000, 0)], words((0, 4_000), (5_000, 30_000)))
    assert found[0] == 1
    assert found[-1] == 2


def test_one_voice_where_two_were_expected_is_said() -> None:
    """F21: never silently."""
    assert speakers([(0, 20_000, 0)], words((0, 20_000))) == ([1] * 40, "speakers_uncertain")


def test_fewer_than_the_most_is_fine_once_there_are_two() -> None:
    found, doubt = speakers([(0, 9_000, 0), (9_000, 18_000, 1)], words((0, 18_000)), most=8)
    assert set(found) == {1, 2}
    assert doubt is None


def test_words_far_from_any_voice_follow_their_neighbours() -> None:
    turns = [(0, 5_000, 0), (10_000, 15_000, 1)]
    found, _ = speakers(turns, [*words((0, 5_000)), Word("w", 7_400, 7_600), *words((10_000, 15_000))])
    assert found[:10] == [1] * 10
    assert found[-10:] == [2] * 10
    assert sum(1 for a, b in pairwise(found) if a != b) == 1


@pytest.mark.parametrize("turns", [[], [(0, 2_000, 0)]])
def test_too_little_speech_is_one_speaker_with_a_warning(turns: Turns) -> None:
    assert speakers(turns, words((0, 2_000))) == ([1] * 4, "speakers_uncertain")


def test_no_words_no_speakers() -> None:
    assert speakers([(0, 9_000, 0)], []) == ([], None)


class Silent:
    """An encoder that must not be asked."""

    def spectrogram(self, samples: Array) -> Array:
        return np.zeros((len(samples) // 160 + 1, 40), np.float32)

    def embed(self, windows: Array) -> Array:
        raise AssertionError("there is no speech to embed")


def test_silence_gathers_nothing() -> None:
    diarizer = Diarizer(Silent(), 2, 60_000)  # type: ignore[arg-type]
    diarizer.gather(Piece(0, np.zeros(32_000, np.float32)))
    diarizer.gather(Piece(2_000, np.zeros(0, np.float32)))
    assert diarizer.attribute(words((0, 500)))[0][0].speaker == 1
