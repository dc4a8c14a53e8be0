"""Hours of m4a and webm to 16 kHz mono FLAC, against what a user would write: `python -m benchmarks.media`.

"Plain" is PyAV in one go: `faster_whisper.decode_audio`, which most local transcribers call, and the array written as
FLAC. Where there is an `ffmpeg` it is measured too: `ffmpeg -i file -ac 1 -ar 16000 audio.flac`. Each figure comes from
a process of its own; the time includes starting it, RSS is the peak of the process that decodes. The recordings are the
bundled one over and over, encoded here; the disk needs some 0.8 GB for three hours.
"""

import argparse
import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from worker_service.media.preparing import prepare

DEMO: Final = Path(__file__).resolve().parents[1] / "deploy/local/recordings/two_speakers.flac"
FORMATS: Final = {  # FFmpeg's muxer and encoder, rate, bits a second, layout
    "m4a": ("ipod", "aac", 44_100, 64_000, "mono"),
    "m4a stereo": ("ipod", "aac", 44_100, 128_000, "stereo"),
    "webm": ("webm", "libopus", 48_000, 32_000, "mono"),
}
DAY_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run took."""

    seconds: float
    rss_mb: float
    duration_ms: int


def long_recording(folder: Path, name: str, hours: float) -> Path:
    """The bundled recording over and over: encoded once, its packets written many times."""
    muxer, codec, rate, bits, layout = FORMATS[name]
    path = folder / name.replace(" ", ".")
    with av.open(str(path), "w", format=muxer) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = bits
        packets = [(bytes(p), p.duration or 0, p.time_base) for p in _encoded(stream, layout, rate)]
        position, base = 0, packets[0][2]
        assert base is not None
        while position * base < hours * 3600:
            for data, duration, _ in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base = stream, base
                packet.pts = packet.dts = position
                packet.duration, packet.is_keyframe = duration, True
                out.mux(packet)
                position += duration
    return path


def _encoded(stream: AudioStream, layout: str, rate: int) -> "list[av.Packet[AudioStream]]":
    context = stream.codec_context
    resampler = AudioResampler(context.format, layout, rate, context.frame_size or None)
    with av.open(str(DEMO)) as source:
        frames = [ready for frame in source.decode(audio=0) for ready in resampler.resample(untimed(frame))]
    return [packet for frame in frames for packet in stream.encode(frame)]


def untimed(frame: AudioFrame) -> AudioFrame:
    frame.pts = None
    return frame


def ours(source: Path, target: Path) -> None:
    asyncio.run(prepare(source, target, max_duration_ms=DAY_MS))


def plain(source: Path, target: Path) -> None:
    import numpy as np  # noqa: PLC0415 - the other measurements must not load it
    from faster_whisper import decode_audio  # noqa: PLC0415

    samples = (decode_audio(str(source), sampling_rate=16_000) * 32_767).astype(np.int16)
    with av.open(str(target), "w", format="flac") as out:
        stream = out.add_stream("flac", rate=16_000, layout="mono")
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 16_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def ffmpeg(source: Path, target: Path) -> None:
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-ac", "1", "-ar", "16000", str(target)]
    subprocess.run(command, check=True)


WAYS: Final[dict[str, Callable[[Path, Path], None]]] = {"ours": ours, "plain": plain, "ffmpeg": ffmpeg}


def measure(way: str, source: Path, target: Path) -> Figures:
    """Run one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.media", "--measure", way, str(source), str(target)]
    began = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.monotonic() - began
    with av.open(str(target)) as container:
        duration_ms = (container.duration or 0) // 1000
    return Figures(seconds, json.loads(done.stdout)["rss_kb"] / 1024, duration_ms)


def compare(hours: float, names: list[str]) -> None:
    ways = [way for way in WAYS if way != "ffmpeg" or shutil.which("ffmpeg")]
    print(
        "| recording | way | seconds | times faster than speech | peak RSS MB | time to plain's | RSS to plain's |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for form in names:
            source = long_recording(folder, form, hours)
            found = {way: measure(way, source, folder / f"{way}.flac") for way in ways}
            assert (
                max(f.duration_ms for f in found.values()) - min(f.duration_ms for f in found.values()) < 1000
            )
            for way, figures in found.items():
                print(row(f"{hours:g} h {form}", way, figures, found["plain"]), flush=True)
            source.unlink()


def row(recording: str, way: str, figures: Figures, base: Figures) -> str:
    speed = figures.duration_ms / 1000 / figures.seconds
    return (
        f"| {recording} | {way} | {figures.seconds:.1f} | {speed:.0f} | {figures.rss_mb:.0f} "
        f"| {figures.seconds / base.seconds:.2f} | {figures.rss_mb / base.rss_mb:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=3.0, help="how long the recordings are")
    parser.add_argument("--formats", default=",".join(FORMATS), help="which, by comma")
    parser.add_argument("--measure", nargs=3, metavar=("WAY", "SOURCE", "TARGET"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is None:
        compare(given.hours, given.formats.split(","))
        return
    way, source, target = given.measure
    WAYS[way](Path(source), Path(target))
    # The largest of what worked: this process, or the one that it started.
    whose = resource.RUSAGE_SELF if way == "plain" else resource.RUSAGE_CHILDREN
    print(json.dumps({"rss_kb": resource.getrusage(whose).ru_maxrss}))


if __name__ == "__main__":
    main()
