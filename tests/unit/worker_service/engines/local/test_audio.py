"""Tests of cutting a recording into pieces."""

from pathlib import Path

import numpy as np
import pytest

from shared.errors import MediaError
from tests.unit.worker_service.engines.local.sounds import write_flac
from worker_service.engines.local.audio import SAMPLE_RATE, pieces, quietest

NOISE = np.random.default_rng(0)


def loud(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return NOISE.integers(-20_000, 20_000, int(seconds * SAMPLE_RATE), dtype=np.int16)


def quiet(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return NOISE.integers(-20, 20, int(seconds * SAMPLE_RATE), dtype=np.int16)


def test_pieces_hold_every_sample_once_and_are_cut_where_it_is_quiet(tmp_path: Path) -> None:
    whole = np.concatenate([loud(8), quiet(0.5), loud(8), quiet(0.5), loud(6.2)])
    found = list(pieces(write_flac(tmp_path / "a.flac", whole), piece_s=10))
    assert [piece.start_ms for piece in found] == [0, *(p.start_ms + p.length_ms for p in found[:-1])]
    assert 8_000 <= found[1].start_ms <= 8_500
    assert 16_500 <= found[2].start_ms <= 17_000
    joined = np.concatenate([piece.samples for piece in found])
    assert np.array_equal((joined * 32768).astype(np.int16), whole)


def test_a_short_recording_is_one_piece(tmp_path: Path) -> None:
    (piece,) = pieces(write_flac(tmp_path / "a.flac", loud(0.25)))
    assert (piece.start_ms, piece.length_ms) == (0, 250)
    assert piece.samples.dtype == np.dtype(np.float32)


def test_where_nothing_is_quieter_a_piece_is_as_long_as_it_may_be() -> None:
    flat = np.full(60 * SAMPLE_RATE, 1000, dtype=np.int16)
    assert 59 * SAMPLE_RATE < quietest(flat) <= 60 * SAMPLE_RATE


@pytest.mark.parametrize(("rate", "layout"), [(8_000, "mono"), (16_000, "stereo")])
def test_audio_of_another_form_is_refused(tmp_path: Path, rate: int, layout: str) -> None:
    path = write_flac(tmp_path / "a.flac", loud(0.5), rate=rate, layout=layout)
    with pytest.raises(MediaError, match="16 kHz mono"):
        list(pieces(path))


def test_a_file_that_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"not at all")
    with pytest.raises(MediaError, match="cannot be read"):
        list(pieces(tmp_path / "a.flac"))
