"""Recordings that are cut off, damaged, or none: what is kept of them, and what is said."""

from pathlib import Path

import numpy as np
import pytest

from shared.errors import MediaError
from tests.fixtures.media import loudness, make, prepared, wav
from tests.unit.worker_service.conftest import Prepare, codes


async def test_an_m4a_without_its_index_says_what_is_missing(run: Prepare, tmp_path: Path) -> None:
    source = make(tmp_path, "a.m4a")
    source.write_bytes(source.read_bytes()[:8_000])
    with pytest.raises(MediaError, match="cut off or damaged: its index"):
        await run(source)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a.mka"])
async def test_of_a_file_that_is_cut_off_the_rest_is_kept_and_it_is_said(
    run: Prepare, tmp_path: Path, name: str
) -> None:
    source = make(tmp_path, name, seconds=4.0)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    audio = await run(source)
    assert 1_000 < audio.duration_ms < 3_000
    assert "media_truncated" in codes(audio)


@pytest.mark.parametrize("name", ["a.mp3", "a.aac", "opus.ogg", "a.amr"])
async def test_of_a_file_that_does_not_tell_its_length_the_rest_is_kept(
    run: Prepare, tmp_path: Path, name: str
) -> None:
    source = make(tmp_path, name, seconds=4.0)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    audio = await run(source)
    assert 1_000 < audio.duration_ms < 3_000


async def test_a_wav_written_without_seeking_back_is_whole(run: Prepare, tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(wav(b"\x00\x10" * 32_000, size=0xFFFFFFFF))
    audio = await run(source)
    assert (audio.duration_ms, audio.warnings) == (2_000, ())


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.webm", "opus.ogg", "a.flac", "a.mka", "a.aac"])
async def test_damage_in_the_middle_costs_only_the_middle(run: Prepare, tmp_path: Path, name: str) -> None:
    source = make(tmp_path, name, seconds=6.0)
    data = bytearray(source.read_bytes())
    begin, end = len(data) * 45 // 100, len(data) * 50 // 100
    data[begin:end] = np.random.default_rng(0).bytes(end - begin)
    source.write_bytes(data)
    audio = await run(source)
    sound = prepared(audio.path)
    assert audio.duration_ms >= 5_300
    assert loudness(sound, 0.2, 2.2) == pytest.approx(0.25, abs=0.03)
    seconds = len(sound) / 16_000
    lost = 1.2 if audio.container == "matroska" else 0.0  # the rest of a cluster of 5 s
    assert loudness(sound, seconds - 2.2 + lost, seconds - 0.3) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is an empty file"),
        (b"Dear coach, this was said.\n" * 50, "is a text file, not a recording"),
        (b"<html><body>Not found</body></html>", "is a web page, not a recording"),
        (b"%PDF-1.7\n" + bytes(500), "is a PDF document, not a recording"),
        (b"PK\x03\x04" + bytes(500), "is a ZIP archive"),
        (bytes(100_000), "damaged, or not a recording at all"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "damaged, or not a recording at all"),
        (wav(bytes(2_000), coding=0x1234), "in a coding that is not known"),
        (wav(bytes(20_000), coding=0x22), "is coded as truespeech"),
        (wav(b"\x55" * 20_000, coding=0x55), "nothing in it can be decoded"),
        (wav(bytes(2_000), rate=2**31 - 1), "claims 1 channels at 2147483647 Hz"),
        (wav(bytes(2_000), channels=65), "claims 65 channels"),
        (wav(bytes(2_000), rate=0), "damaged, or not a recording at all"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_read_says_why(run: Prepare, tmp_path: Path, content: bytes, said: str) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(content)
    with pytest.raises(MediaError, match=said):
        await run(source)
