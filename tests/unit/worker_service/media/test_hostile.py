"""Files that mean harm, and harm from elsewhere: always an error of ours, in bounded time and memory."""

import asyncio
import contextlib
import http.server
import os
import signal
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from shared.errors import (
    MediaError,
    MediaInterruptedError,
    MediaTimeoutError,
    MediaTooLongError,
    StorageError,
)
from tests.fixtures.media import encode, make, tone, wav
from tests.fixtures.processes import descendants
from worker_service.children import ChildDiedError
from worker_service.media import preparing as media
from worker_service.media.preparing import PreparedAudio, cpu_seconds, prepare

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc are Linux's")

HOUR_MS = 3_600_000


def decoders() -> list[int]:
    return [pid for pid, command in descendants().items() if "worker_service.media.child" in command]


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder that must be empty, and a process without decoders, when the test is over."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []
    assert decoders() == []


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A recording that takes a processor seconds to decode, and no room on the disk."""
    source = tmp_path / "long.wav"
    with source.open("wb") as file:
        size = 8 * 3600 * 16_000 * 2
        file.write(wav(b"", size=size))
        file.truncate(size)
    return source


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {url}\n",
    "dash": "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><Period><BaseURL>{url}</BaseURL></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "pls": "[playlist]\nNumberOfEntries=1\nFile1={url}\n",
}


# Files that point elsewhere ---------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server that would give a recording to whoever asks, and the list of what was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", asked
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", PLAYLISTS)
async def test_a_playlist_opens_nothing(
    tmp_path: Path, scratch: Path, server: tuple[str, list[str]], kind: str
) -> None:
    """Neither a file of the worker's nor an address that only the worker can reach."""
    secret = make(tmp_path, "a.aac", seconds=0.5)
    url, asked = server
    for target in (f"{url}/a.aac", str(secret), f"file:{secret}", secret.name):
        source = tmp_path / "call.m3u8"
        source.write_text(PLAYLISTS[kind].format(url=target))
        with pytest.raises(MediaError, match="not a recording"):
            await prepare(source, scratch / "audio.flac", max_duration_ms=HOUR_MS)
    assert asked == []


def test_a_playlist_is_followed_where_no_demuxers_are_named(tmp_path: Path) -> None:
    """So that the test before this one can fail."""
    make(tmp_path, "a.aac", seconds=0.5)
    source = tmp_path / "call.m3u8"
    source.write_text(PLAYLISTS["hls"].format(url="a.aac"))
    with av.open(str(source)) as container:
        assert next(container.decode(audio=0)).samples


async def test_a_film_that_keeps_its_samples_in_another_file_does_not_get_them(
    tmp_path: Path, scratch: Path
) -> None:
    """QuickTime may do that; FFmpeg follows it only where it is told to, which the test does to prove the file."""
    secret = make(tmp_path, "a.mov", seconds=1.0)
    source = tmp_path / "film.mov"
    source.write_bytes(elsewhere(secret))
    with av.open(str(source), options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        followed = next(container.decode(audio=0))
        assert followed.to_ndarray().any()
    with contextlib.suppress(MediaError):
        audio = await prepare(source, scratch / "audio.flac", max_duration_ms=HOUR_MS)
        assert "silence" in [notice.code for notice in audio.warnings]
        audio.path.unlink()


def elsewhere(film: Path) -> bytes:
    """A QuickTime film that refers to another one for its samples, which it has at the same place."""
    data = bytearray(film.read_bytes())
    at = data.index(b"mdat")
    (length,) = struct.unpack_from(">I", data, at - 4)
    data[at + 4 : at - 4 + length] = bytes(length - 8)
    path = str(film).encode()
    alias = bytes(4 + 10 + 28 + 12 + 64 + 16 + 4 + 16) + struct.pack(">hh", 2, len(path)) + path
    alias += bytes(len(path) % 2) + struct.pack(">hh", -1, 0)
    references = struct.pack(">II", 0, 1) + struct.pack(">I4s", 8 + len(alias), b"alis") + alias
    at = data.index(b"dref")
    (length,) = struct.unpack_from(">I", data, at - 4)
    data[at - 4 : at - 4 + length] = struct.pack(">I4s", 8 + len(references), b"dref") + references
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        # The first minf is the media's; QuickTime's own data handler has no dinf with a dref.
        box_at = data.rindex(box, 0, at) - 4
        struct.pack_into(
            ">I", data, box_at, struct.unpack_from(">I", data, box_at)[0] + 8 + len(references) - length
        )
    return bytes(data)


# Files that grow ------------------------------------------------------------------------------------------


async def test_a_second_of_bytes_that_claims_days_is_stopped_at_the_limit(
    tmp_path: Path, scratch: Path
) -> None:
    """At 1 Hz, 40 KB are five hours and would be 600 MB: what is written stays small."""
    source = tmp_path / "a.wav"
    source.write_bytes(wav(bytes(40_000), rate=1))
    with pytest.raises(MediaTooLongError):
        await prepare(source, scratch / "audio.flac", max_duration_ms=600_000)


@pytest.mark.parametrize("samples", [10_000_000, 0x0FFFFFFF])
async def test_an_index_of_millions_in_a_small_file_is_an_error(
    tmp_path: Path, scratch: Path, samples: int
) -> None:
    source = make(tmp_path, "a.m4a", seconds=0.5)
    data = bytearray(source.read_bytes())
    for box, values in (
        (b"stsz", (1, samples)),  # each of one byte
        (b"stsc", (1, 1, samples, 1)),  # all in one chunk
        (b"stts", (1, samples, 1024)),
        (b"stco", (1,)),
    ):
        struct.pack_into(f">{len(values)}I", data, data.index(box) + 8, *values)
    source.write_bytes(data)
    with pytest.raises(MediaError):
        await prepare(source, scratch / "audio.flac", max_duration_ms=HOUR_MS)


async def test_memory_does_not_grow_with_the_recording(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """256 MB of addresses, most of which are the libraries', do for a stream that is 460 MB when decoded."""
    monkeypatch.setattr(media, "_MEMORY_BYTES", 256 << 20)
    source = tmp_path / "a.wav"
    with source.open("wb") as file:
        size = 40 * 60 * 48_000 * 2 * 2
        file.write(wav(b"", size=size, rate=48_000, channels=2))
        file.truncate(size)
    audio = await prepare(source, scratch / "audio.flac", max_duration_ms=HOUR_MS)
    assert audio.duration_ms == pytest.approx(40 * 60_000, abs=1)
    audio.path.unlink()


# Files that take long -----------------------------------------------------------------------------------


async def test_the_processor_is_held_no_longer_than_allowed(
    long: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "cpu_seconds", lambda *_: 1)
    with pytest.raises(MediaTimeoutError):
        await prepare(long, scratch / "audio.flac", max_duration_ms=24 * HOUR_MS)


async def test_a_decoder_that_hangs_is_killed(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a writer, opening a pipe never returns, and costs no processor time that would be counted."""
    monkeypatch.setattr(media, "_PATIENCE", 0.01)
    source = tmp_path / "a.wav"
    os.mkfifo(source)
    with pytest.raises(MediaTimeoutError):
        await prepare(source, scratch / "audio.flac", max_duration_ms=HOUR_MS)


@pytest.mark.parametrize(
    ("size", "hours", "seconds"),
    [
        (1_000, 8, 60),  # a small file is not to hold a worker
        (21_600_000, 8, 719),  # eight hours of Opus at 6 kbit/s, which take 70 s here
        (2 << 30, 8, 1_500),  # the largest is not to hold it for hours
        (2 << 30, 24, 4_380),
    ],
)
def test_how_long_a_file_may_take_follows_from_its_size(size: int, hours: int, seconds: int) -> None:
    assert cpu_seconds(size, hours * HOUR_MS) == seconds


# What is not the file's fault -----------------------------------------------------------------------------


async def running(source: Path, scratch: Path) -> tuple["asyncio.Task[PreparedAudio]", int]:
    """A run that is under way, and its decoder."""
    begun = asyncio.Event()
    task = asyncio.create_task(
        prepare(
            source, scratch / "audio.flac", max_duration_ms=24 * HOUR_MS, on_progress=lambda *_: begun.set()
        )
    )
    await begun.wait()
    (pid,) = decoders()
    return task, pid


async def test_a_cancelled_run_leaves_no_decoder_and_no_file(long: Path, scratch: Path) -> None:
    """F12"""
    task, _ = await running(long, scratch)
    assert [path.name for path in scratch.iterdir()] == ["audio.flac.part"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_decoder_killed_from_outside_is_tried_again(long: Path, scratch: Path) -> None:
    """F8: the kernel's killer that looks for memory takes processes of good recordings, too."""
    task, pid = await running(long, scratch)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(MediaInterruptedError) as caught:
        await task
    assert caught.value.transient


async def test_a_decoder_that_crashes_is_the_file_s_fault(long: Path, scratch: Path) -> None:
    task, pid = await running(long, scratch)
    os.kill(pid, signal.SIGSEGV)
    with pytest.raises(MediaError, match="crashed on it") as caught:
        await task
    assert not caught.value.transient


async def test_a_decoder_that_cannot_start_is_not_the_file_s_fault(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "_CHILD", "worker_service.no_such_module")
    with pytest.raises(ChildDiedError, match="ended with 1") as caught:
        await prepare(make(tmp_path, "a.wav"), scratch / "audio.flac", max_duration_ms=HOUR_MS)
    assert caught.value.transient


async def test_a_full_disk_is_not_the_file_s_fault(tmp_path: Path, scratch: Path) -> None:
    (scratch / "audio.flac.part").symlink_to("/dev/full")
    source = encode(tmp_path / "a.wav", "wav", "pcm_s16le", 16_000, seconds=20, wave=tone())
    with pytest.raises(StorageError, match="No space left on device") as caught:
        await prepare(source, scratch / "audio.flac", max_duration_ms=HOUR_MS)
    assert caught.value.transient
