"""The local engine against faster-whisper used plainly, on the same recording: `python -m benchmarks.speech`.

Each pair of figures comes from processes of their own that start cold: time includes starting them and loading the
model. "Plainly" is what a user would write instead: WhisperModel(int8).transcribe(file, word_timestamps=True), without
speakers. RTF is time over length of audio, "warm" that of a second recording in the same process, as in a worker that
has just done one; RSS is the peak of the process that computes. Models that are not installed are passed over.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import av
from av.audio.frame import AudioFrame

from benchmarks.scoring import Turn, diarization_error_rate, turns_of, word_error_rate
from shared.transcript import Word, join_words
from worker_service.engines.local.engine import LocalEngine
from worker_service.engines.local.weights import BUNDLED
from worker_service.engines.port import SpeechRequest

DEMO: Final = Path(__file__).resolve().parents[1] / "deploy/local/recordings"
THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with the truth about it."""

    path: Path
    duration_ms: int
    text: str
    turns: list[Turn]


def demo() -> Clip:
    """The bundled conversation."""
    path = DEMO / "two_speakers.flac"
    turns = json.loads((DEMO / "two_speakers.turns.json").read_text())
    return Clip(
        path,
        length_ms(path),
        (DEMO / "two_speakers.txt").read_text(),
        [(round(start * 1000), round(end * 1000), 1 + (who == "client")) for start, end, who in turns],
    )


def repeated(clip: Clip, times: int, target: Path) -> Clip:
    """The clip several times over, as one file."""
    with av.open(str(target), "w", format="flac") as out:
        stream = out.add_stream("flac", rate=16_000, layout="mono")
        for _ in range(times):
            with av.open(str(clip.path)) as source:
                for frame in source.decode(audio=0):
                    out.mux(stream.encode(without_time(frame)))
        out.mux(stream.encode(None))
    turns = [
        (start + n * clip.duration_ms, end + n * clip.duration_ms, who)
        for n in range(times)
        for start, end, who in clip.turns
    ]
    return Clip(target, clip.duration_ms * times, "\n".join([clip.text] * times), turns)


def without_time(frame: AudioFrame) -> AudioFrame:
    frame.pts = None
    return frame


def length_ms(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) // 16


async def ours(model: str, models_dir: Path, audio: Path, duration_ms: int) -> dict[str, Any]:
    engine = LocalEngine(models_dir=models_dir, model=model, processes=1, threads=THREADS)
    request = SpeechRequest(uuid4(), 1, audio, duration_ms, language="en")
    try:
        result = await engine.follow(request, await engine.submit(request, str(audio)), lambda _: None)
        cold = time.monotonic()
        await engine.follow(request, await engine.submit(request, str(audio)), lambda _: None)
        warm = time.monotonic()
    finally:
        await engine.aclose()
    return {
        "words": [[w.text, w.start_ms, w.end_ms, w.confidence, w.speaker, w.joined] for w in result.words],
        "warm_s": warm - cold,
    }


def plain(model: str, models_dir: Path, audio: Path) -> dict[str, Any]:
    from faster_whisper import WhisperModel  # noqa: PLC0415 - the other measurement must not load it

    folder = models_dir / BUNDLED[model].folder
    whisper = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=THREADS)
    segments, _ = whisper.transcribe(str(audio), language="en", word_timestamps=True)
    words = [word for segment in segments for word in segment.words or ()]
    return {
        "words": [
            [
                w.word.strip(),
                round(float(w.start) * 1000),
                round(float(w.end) * 1000),
                None,
                None,
                w.word[0] != " ",
            ]
            for w in words
        ]
    }


def measure(kind: str, model: str, models_dir: Path, clip: Clip) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [
        sys.executable, "-m", "benchmarks.speech", "--measure", kind, "--model", model, "--models-dir",
        str(models_dir), "--audio", str(clip.path), "--duration-ms", str(clip.duration_ms),
    ]  # fmt: skip
    started = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.monotonic() - started
    found = json.loads(done.stdout)
    words = [Word(*word) for word in found["words"]]
    warm_s = found.get("warm_s", 0.0)
    return {
        "wer": word_error_rate(clip.text, join_words(words)),
        "rtf": (seconds - warm_s) * 1000 / clip.duration_ms,
        "warm": warm_s * 1000 / clip.duration_ms,
        "der": diarization_error_rate(clip.turns, turns_of(words)) if kind == "ours" else None,
        "rss_mb": found["rss_kb"] / 1024,
    }


def row(name: str, minutes: float, ours_: dict[str, Any], plain_: dict[str, Any]) -> str:
    return (
        f"| {name} | {minutes:.1f} min | {ours_['wer']:.1%} | {plain_['wer']:.1%} | {ours_['der']:.1%} "
        f"| {ours_['rtf']:.3f} | {ours_['warm']:.3f} | {ours_['rtf'] / plain_['rtf']:.2f} | {ours_['rss_mb']:.0f} "
        f"| {ours_['rss_mb'] / plain_['rss_mb']:.2f} |"
    )


def compare(models_dir: Path, models: list[str], times: int) -> None:
    print(
        "| model | audio | WER | WER plain | DER | RTF | warm | time to plain's | peak RSS MB | RSS to plain's |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        long = repeated(demo(), times, Path(folder) / "long.flac")
        for clip in (demo(), long):
            for model in models:
                pair = [measure(kind, model, models_dir, clip) for kind in ("ours", "plain")]
                print(row(model, clip.duration_ms / 60_000, *pair), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models-dir", type=Path, default=Path(".local/models"))
    parser.add_argument("--models", default="base,tiny.en", help="by comma; tiny.en needs --with tiny")
    parser.add_argument("--times", type=int, default=7, help="how often the long recording repeats the clip")
    parser.add_argument("--measure", choices=["ours", "plain"], help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--audio", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--duration-ms", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is None:
        models = [name for name in given.models.split(",") if BUNDLED[name].at(given.models_dir).is_dir()]
        if left_out := set(given.models.split(",")) - set(models):
            print(
                f"Not installed (python -m deploy.local.models --with tiny): {', '.join(left_out)}",
                file=sys.stderr,
            )
        compare(given.models_dir, models, given.times)
        return
    if given.measure == "ours":
        found = asyncio.run(ours(given.model, given.models_dir, given.audio, given.duration_ms))
        whose = resource.RUSAGE_CHILDREN
    else:
        found = plain(given.model, given.models_dir, given.audio)
        whose = resource.RUSAGE_SELF
    print(json.dumps({**found, "rss_kb": resource.getrusage(whose).ru_maxrss}))


if __name__ == "__main__":
    main()
