"""Recordings of every kind, through the real child: what comes out, and what is said of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shared.errors import EmptyAudioError, MediaTooLongError, NoAudioError
from tests.fixtures.media import (
    FORMATS,
    after,
    beside,
    encode,
    loudness,
    make,
    on_channel,
    prepared,
    remux,
    silence,
    tone,
    tracks,
    video,
    wav,
)
from tests.unit.worker_service.conftest import Prepare, codes


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_comes_out_as_16_khz_mono_with_its_sound(
    run: Prepare, tmp_path: Path, name: str
) -> None:
    source = make(tmp_path, name)
    audio = await run(source)
    assert 1_990 <= audio.duration_ms <= 2_050
    assert audio.warnings == ()
    assert (audio.source_rate, audio.source_channels) == (FORMATS[name][2], 1)
    volume = 0.125 if audio.codec == "amrnb" else 0.25  # FFmpeg's decoder of AMR is quiet
    assert loudness(prepared(audio.path), 0.2, 1.9) == pytest.approx(volume, abs=0.02)


async def test_the_bytes_decide_what_a_file_is_not_its_name(run: Prepare, tmp_path: Path) -> None:
    """F23"""
    source = make(tmp_path, "a.webm").rename(tmp_path / "a.wav")
    audio = await run(source)
    assert (audio.container, audio.codec) == ("matroska", "opus")


async def test_a_browser_s_recording_tells_no_length_and_progress_is_told_all_the_same(
    run: Prepare, tmp_path: Path
) -> None:
    """F15: how far through the file the sound reaches says how much is left."""
    source = encode(tmp_path / "a.webm", "webm", "libopus", 8_000, seconds=42, wave=tone(), unseekable=True)
    told: list[tuple[int, int]] = []
    audio = await run(source, on_progress=lambda done, total: told.append((done, total)))
    assert audio.duration_ms == pytest.approx(42_000, abs=50)
    assert audio.warnings == ()
    assert [done // 5_000 for done, _ in told] == list(range(1, 9))
    assert all(total == pytest.approx(42_000, rel=0.25) for _, total in told)
    assert told[-1][1] == pytest.approx(42_000, rel=0.05)


async def test_a_header_that_tells_the_length_is_what_progress_is_told_of(
    run: Prepare, tmp_path: Path
) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(wav(bytes(16_000 * 2 * 20)))
    told: list[tuple[int, int | None]] = []
    await run(source, on_progress=lambda done, total: told.append((done, total)))
    assert len(told) == 3
    assert {total for _, total in told} == {20_000}


# Channels, rates, changes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "bits"), [(8_000, 8), (8_000, 16), (192_000, 16), (768_000, 32), (1_000, 16)]
)
async def test_any_rate_and_depth_is_read(run: Prepare, tmp_path: Path, rate: int, bits: int) -> None:
    time = np.arange(rate * 2) / rate
    sound = 0.25 * np.sin(2 * np.pi * 220 * time)
    if bits == 8:
        data = (sound * 127 + 128).astype(np.uint8).tobytes()
    else:
        data = (sound * (2 ** (bits - 1) - 1)).astype(f"<i{bits // 8}").tobytes()
    source = tmp_path / "a.wav"
    source.write_bytes(wav(data, rate=rate, bits=bits))
    audio = await run(source)
    assert audio.duration_ms == pytest.approx(2_000, abs=2)
    assert loudness(prepared(audio.path), 0.2, 1.8) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("channel", range(8))
async def test_a_voice_on_any_of_eight_channels_is_heard(run: Prepare, tmp_path: Path, channel: int) -> None:
    """The fourth one is a film's for rumble, which a film's downmix leaves out."""
    one = on_channel(channel, 8, tone(volume=0.8))
    audio = await run(encode(tmp_path / "a.wav", "wav", "pcm_s16le", 8_000, wave=one, layout="7.1"))
    assert audio.source_channels == 8
    assert loudness(prepared(audio.path), 0.2, 1.8) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("channels", [3, 9, 64])
async def test_many_channels_without_names_are_added_up(run: Prepare, tmp_path: Path, channels: int) -> None:
    time = np.arange(16_000) / 16_000
    sound = (8_000 * np.sin(2 * np.pi * 220 * time)).astype("<i2")
    source = tmp_path / "a.wav"
    source.write_bytes(wav(np.repeat(sound, channels).tobytes(), channels=channels))
    audio = await run(source)
    assert loudness(prepared(audio.path), 0.1, 0.9) == pytest.approx(8_000 / 32_768, abs=0.01)


@pytest.mark.parametrize("begins", [0.0, 12.0])
@pytest.mark.parametrize("codec", ["pcm_s16le", "aac"])
async def test_channels_in_opposite_phase_do_not_cancel_out(
    run: Prepare, tmp_path: Path, begins: float, codec: str
) -> None:
    """Whether the sound begins at once or after more silence than is listened to."""
    wave = after(begins, tone(mirrored=True))
    muxer = "wav" if codec == "pcm_s16le" else "ipod"
    source = encode(tmp_path / "a", muxer, codec, 8_000, seconds=begins + 12, wave=wave, layout="stereo")
    audio = await run(source)
    sound = prepared(audio.path)
    assert audio.duration_ms == pytest.approx(begins * 1000 + 12_000, abs=300)
    for second in np.arange(begins + 1, begins + 11):
        assert loudness(sound, second, second + 1) == pytest.approx(0.25, abs=0.02)


async def test_two_microphones_are_mixed_in_equal_parts(run: Prepare, tmp_path: Path) -> None:
    source = encode(
        tmp_path / "a.wav", "wav", "pcm_s16le", 16_000, layout="stereo",
        wave=beside(tone(220), tone(500)),
    )  # fmt: skip
    sound = prepared((await run(source)).path)
    assert loudness(sound, 0.2, 1.8, 220) == pytest.approx(0.125, abs=0.01)
    assert loudness(sound, 0.2, 1.8, 500) == pytest.approx(0.125, abs=0.01)


@pytest.mark.parametrize(("suffix", "muxer", "codec"), [("aac", "adts", "aac"), ("mp3", "mp3", "libmp3lame")])
async def test_a_change_of_rate_and_channels_on_the_way_is_followed(
    run: Prepare, tmp_path: Path, suffix: str, muxer: str, codec: str
) -> None:
    parts = [
        (44_100, "mono", False),
        (24_000, "stereo", True),
        (48_000, "stereo", False),
        (16_000, "mono", False),
    ]
    files = [
        encode(tmp_path / f"{n}", muxer, codec, rate, wave=tone(mirrored=mirrored), layout=layout)
        for n, (rate, layout, mirrored) in enumerate(parts)
    ]
    source = tmp_path / f"all.{suffix}"
    source.write_bytes(b"".join(file.read_bytes() for file in files))
    audio = await run(source)
    assert audio.duration_ms == pytest.approx(8_000, abs=500)
    sound = prepared(audio.path)
    for begin in (0.2, 2.4, 4.4, 6.5):
        assert loudness(sound, begin, begin + 1.2) > 0.2


async def test_of_several_tracks_the_main_one_is_heard_and_it_is_said(run: Prepare, tmp_path: Path) -> None:
    first, second = (
        make(tmp_path, "a.flac"),
        encode(tmp_path / "b.flac", "flac", "flac", 44_100, wave=tone(500)),
    )
    source = tracks(tmp_path / "two.mka", "matroska", first, second)
    audio = await run(source)
    assert codes(audio) == ["media_several_tracks"]
    assert "2 audio tracks" in audio.warnings[0].detail
    assert audio.duration_ms == pytest.approx(2_000, abs=50)
    assert loudness(prepared(audio.path), 0.2, 1.8) == pytest.approx(0.25, abs=0.02)


# Film ---------------------------------------------------------------------------------------------------


async def test_the_sound_of_a_film_is_heard(run: Prepare, tmp_path: Path) -> None:
    audio = await run(video(tmp_path / "a.mp4", with_sound=True))
    assert audio.duration_ms == pytest.approx(1_000, abs=50)
    assert audio.warnings == ()


async def test_sound_that_begins_after_its_film_begins_as_late_here(run: Prepare, tmp_path: Path) -> None:
    audio = await run(video(tmp_path / "a.mp4", with_sound=True, sound_after=2.5))
    assert audio.duration_ms == pytest.approx(3_500, abs=50)
    sound = prepared(audio.path)
    assert not sound[: int(2.4 * 16_000)].any()
    assert loudness(sound, 2.6, 3.4) == pytest.approx(0.25, abs=0.02)


async def test_a_film_without_sound_says_so(run: Prepare, tmp_path: Path) -> None:
    with pytest.raises(NoAudioError, match="no audio track"):
        await run(video(tmp_path / "a.mp4", with_sound=False))


# Time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "muxer"), [("a.webm", "webm"), ("a.mka", "matroska"), ("a.m4a", "ipod")])
async def test_what_was_not_recorded_is_silence_so_that_times_stay_right(
    run: Prepare, tmp_path: Path, name: str, muxer: str
) -> None:
    """A player waits in a gap; words after it must not come early."""
    whole = make(tmp_path, name, seconds=3.0)
    source = remux(whole, tmp_path / f"gap-{name}", muxer, lambda second: second + 10 * (second >= 1.5))
    audio = await run(source)
    sound = prepared(audio.path)
    assert audio.duration_ms == pytest.approx(13_000, abs=50)
    assert codes(audio) == ["media_gaps"]
    assert "10 s" in audio.warnings[0].detail
    assert loudness(sound, 0.1, 1.4) == pytest.approx(0.25, abs=0.02)
    assert not sound[int(1.7 * 16_000) : int(11.4 * 16_000)].any()
    assert loudness(sound, 11.6, 12.9) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    "moved",
    [
        lambda second: second + 36_000 * (second >= 1.5),
        lambda second: second + 600 * (1.5 <= second < 1.51),
    ],
    ids=["ten hours ahead", "one packet ten minutes ahead"],
)
async def test_a_clock_that_is_broken_makes_no_silence(
    run: Prepare, tmp_path: Path, moved: Callable[[float], float]
) -> None:
    whole = make(tmp_path, "a.mka", seconds=3.0)
    audio = await run(remux(whole, tmp_path / "b.mka", "matroska", moved))
    assert audio.duration_ms == pytest.approx(3_000, abs=50)
    assert loudness(prepared(audio.path), 0.2, 2.8) == pytest.approx(0.25, abs=0.02)


async def test_what_is_too_long_is_refused_when_that_is_known(run: Prepare, tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(wav(bytes(16_000 * 2 * 11)))
    with pytest.raises(MediaTooLongError, match=r"longer than the 0\.00277778 hours"):
        await run(source, max_duration_ms=10_000)


# Nothing in it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\x01\x02"], ids=["no sample", "one sample"])
async def test_a_recording_of_no_length_says_so(run: Prepare, tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(wav(data))
    with pytest.raises(EmptyAudioError, match="no length"):
        await run(source)


@pytest.mark.parametrize("name", ["a.wav", "a.m4a", "a.webm", "a.mp3"])
async def test_silence_is_named(run: Prepare, tmp_path: Path, name: str) -> None:
    assert codes(await run(make(tmp_path, name, wave=silence()))) == ["silence"]


async def test_a_faint_voice_is_no_silence(run: Prepare, tmp_path: Path) -> None:
    assert codes(await run(make(tmp_path, "a.wav", wave=after(1.9, tone(volume=0.01))))) == []
