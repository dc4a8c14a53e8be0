"""Tests of the voice encoder's arithmetic; that its vectors know voices is tested with the real weights."""

import math

import numpy as np

from worker_service.engines.local.dvector import VoiceEncoder, mel_filters, unit
from worker_service.engines.local.torch_file import Array

CELLS = 256


def encoder(seed: int = 0) -> VoiceEncoder:
    chance = np.random.default_rng(seed)

    def some(*shape: int) -> Array:
        return chance.normal(0, 0.1, shape).astype(np.float32)

    weights = {"linear.weight": some(CELLS, CELLS), "linear.bias": some(CELLS)}
    for n, width in enumerate((40, CELLS, CELLS)):
        weights[f"lstm.weight_ih_l{n}"] = some(4 * CELLS, width)
        weights[f"lstm.weight_hh_l{n}"] = some(4 * CELLS, CELLS)
        weights[f"lstm.bias_ih_l{n}"] = some(4 * CELLS)
        weights[f"lstm.bias_hh_l{n}"] = some(4 * CELLS)
    return VoiceEncoder(weights)


def test_vectors_have_unit_length_and_do_not_depend_on_their_neighbours() -> None:
    windows = np.random.default_rng(1).random((130, 8, 40), dtype=np.float32)
    together = encoder().embed(windows)
    assert together.shape == (130, CELLS)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(encoder().embed(windows[129:]), together[129:], atol=1e-5)
    assert encoder().embed(windows[:0]).shape == (0, CELLS)


def test_a_tone_is_in_its_mel_band() -> None:
    time_s = np.arange(16_000) / 16_000
    spectrogram = encoder().spectrogram((0.1 * np.sin(2 * math.pi * 1000 * time_s)).astype(np.float32))
    assert spectrogram.shape == (101, 40)
    low, high = 1000 - 140, 1000 + 140
    bins = np.linspace(0, 8000, 201)
    band = int(spectrogram[50].argmax())
    middle = bins[mel_filters()[:, band].argmax()]
    assert low < middle < high


def test_quiet_speech_is_made_as_loud_as_the_network_knows_it() -> None:
    noise = np.random.default_rng(2).normal(0, 0.01, 16_000).astype(np.float32)
    louder, quieter = (encoder().spectrogram((gain * noise).astype(np.float32)) for gain in (1, 0.1))
    assert np.allclose(louder, quieter, rtol=1e-3)
    assert np.isfinite(encoder().spectrogram(np.zeros(16_000, np.float32))).all()
    assert encoder().spectrogram(np.zeros(0, np.float32)).shape[1] == 40


def test_unit_leaves_nothing_at_nothing() -> None:
    assert unit(np.zeros((1, 3), np.float32)).tolist() == [[0, 0, 0]]
