"""The drawing of a recording: what is loud looks loud, where it is, at any length."""

import math
from pathlib import Path

import pytest

from tests.fixtures.media import after, encode, tone
from tests.unit.worker_service.conftest import Prepare
from worker_service.media.outline import EVERY, MOST_PEAKS, Outline, level

SECOND = 16_000 // EVERY


@pytest.mark.parametrize(
    ("peak", "byte"), [(0, 0), (32_768, 255), (16_384, 231), (3_277, 175), (33, 15), (22, 1), (20, 0), (1, 0)]
)
def test_a_level_is_quarters_of_a_decibel_under_full_scale(peak: int, byte: int) -> None:
    assert level(peak) == byte
    if byte > 1:
        assert (byte - 255) / 4 == pytest.approx(20 * math.log10(peak / 32_768), abs=0.13)


def test_each_peak_is_the_loudest_of_its_time_whatever_the_pieces() -> None:
    sound = [0] * SECOND + [-16_384] * SECOND + [100] * SECOND
    pieces = (1, 49, 50, 51, 1_024, len(sound))
    drawn = []
    for size in pieces:
        outline = Outline(16_000)
        for start in range(0, len(sound), size):
            outline.hear(sound[start : start + size])
        drawn.append(outline.levels())
        assert (outline.ms_per_peak, outline.loudest) == (25, 16_384)
    assert drawn == [bytes([0] * 40 + [231] * 40 + [level(100)] * 40)] * len(pieces)


def test_what_is_left_at_the_end_is_drawn() -> None:
    outline = Outline(16_000)
    outline.hear([0] * (SECOND // 40) + [9_000])
    assert outline.levels() == bytes([0, level(9_000)])


def test_a_long_recording_has_coarser_peaks_and_loses_no_word() -> None:
    """Of ten hours one cry stays where it is."""
    outline = Outline(16_000, most=1_000)
    minute, cry = [50] * SECOND * 60, 4 * 3_600 * SECOND + 17
    for n in range(600):
        sound = minute
        if cry // len(minute) == n:
            sound = minute.copy()
            sound[cry % len(minute)] = 30_000
        outline.hear(sound)
    levels = outline.levels()
    assert outline.ms_per_peak == 25 * 2**11
    assert len(levels) == math.ceil(36_000_000 / outline.ms_per_peak) < 1_000
    assert [n for n, each in enumerate(levels) if each > level(50)] == [4 * 3_600_000 // outline.ms_per_peak]


def test_three_hours_fit_into_what_a_page_loads() -> None:
    ms = 25
    while 3 * 3_600_000 / ms >= MOST_PEAKS:
        ms *= 2
    assert (ms, 3 * 3_600_000 / ms * 4 / 3) == (100, 144_000)


async def test_a_recording_is_drawn_while_it_is_decoded(run: Prepare, tmp_path: Path) -> None:
    audio = await run(
        encode(tmp_path / "a.m4a", "ipod", "aac", 44_100, seconds=4, wave=after(1.0, tone(volume=0.5)))
    )
    levels = audio.waveform.peaks
    assert audio.waveform.ms_per_peak == 25
    assert len(levels) == pytest.approx(audio.duration_ms / 25, abs=1)
    assert max(levels[2:37]) < 60
    assert all(abs(each - level(16_384)) <= 6 for each in levels[44:-3])  # within a decibel and a half
