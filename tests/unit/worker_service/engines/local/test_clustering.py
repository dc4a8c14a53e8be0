"""Tests of how many voices are found among vectors made for the purpose."""

import numpy as np
import pytest

from worker_service.engines.local.clustering import SEPARATE, group, separation
from worker_service.engines.local.dvector import unit
from worker_service.engines.local.torch_file import Array

SIZE = 256


def voices(count: int, likeness: float, *, seed: int = 0) -> Array:
    """Unit vectors of `count` voices, any two of which have this cosine."""
    chance = np.random.default_rng(seed)
    own, _ = np.linalg.qr(chance.normal(size=(SIZE, count + 1)))
    shared = np.sqrt(likeness) * own[:, :1]
    return unit((shared + np.sqrt(1 - likeness) * own[:, 1:]).T.astype(np.float32))


def spoken(centres: Array, turns: list[int], *, windows: int = 20, noise: float = 0.03) -> Array:
    """The windows of turns: each near its voice's centre."""
    chance = np.random.default_rng(1)
    rows = centres[np.repeat(turns, windows)]
    return unit((rows + chance.normal(0, noise, rows.shape)).astype(np.float32))


def same(labels: np.ndarray[tuple[int], np.dtype[np.intp]], turns: list[int], windows: int = 20) -> bool:
    pairs = set(zip(labels.tolist(), np.repeat(turns, windows).tolist(), strict=True))
    return len(pairs) == len(set(turns))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_as_many_voices_are_found_as_speak(count: int) -> None:
    turns = list(range(count)) * 3
    vectors = spoken(voices(count, 0.5), turns)
    grouping = group(vectors, 8)
    assert len(grouping.centres) == count
    assert grouping.sure
    assert same(np.argmax(vectors @ grouping.centres.T, axis=1), turns)


def test_no_more_voices_are_found_than_were_expected() -> None:
    assert len(group(spoken(voices(4, 0.5), [0, 1, 2, 3] * 2), 2).centres) == 2


def test_one_voice_is_never_divided_however_many_were_expected() -> None:
    vectors = spoken(voices(1, 0.5), [0] * 6)
    for most in range(1, 9):
        assert len(group(vectors, most).centres) == 1


def test_voices_that_are_hardly_different_are_doubtful() -> None:
    near = group(spoken(voices(2, 0.91), [0, 1] * 3, noise=0.01), 2)
    assert (len(near.centres), near.sure) == (2, False)
    nearer = group(spoken(voices(2, 0.935), [0, 1] * 3, noise=0.01), 2)
    assert (len(nearer.centres), nearer.sure) == (1, False)


def test_a_cough_is_no_voice() -> None:
    vectors = np.concatenate(
        [spoken(voices(1, 0.5), [0] * 10), spoken(voices(1, 0.5, seed=9), [0], windows=4)]
    )
    assert len(group(vectors, 2).centres) == 1


@pytest.mark.parametrize("count", [1, 2, 5, 11])
def test_very_little_speech_is_one_voice(count: int) -> None:
    assert len(group(spoken(voices(2, 0.3), [0, 1], windows=6)[:count], 2).centres) == 1


def test_the_answer_is_always_the_same() -> None:
    vectors = spoken(voices(3, 0.6), [0, 1, 2] * 4, noise=0.06)
    assert np.array_equal(group(vectors, 4).centres, group(vectors, 4).centres)


def test_separation_is_the_margin_of_the_worst_pair() -> None:
    centres = voices(3, 0.5)
    turns = [0, 1, 2] * 2
    vectors = spoken(centres, turns, noise=0.0)
    assert separation(vectors, np.repeat(turns, 20), centres) == pytest.approx(0.5, abs=0.01)
    assert SEPARATE < 0.5
