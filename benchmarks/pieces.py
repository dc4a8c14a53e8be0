"""A recording of 90 minutes, heard by Google in pieces and otherwise: `python -m benchmarks.pieces`, two minutes.

Google is the fake of the tests, on which an operation takes a tenth of its audio's length. Its time runs faster here
(`--scale`), for the follower, too; what is done here (cutting, sending, joining) takes its own time. The same recording
is heard as one long operation by the model that takes it; cut every 18 minutes and put together again by hand; and our
way: cut where it is quiet, with overlaps, joined by words and voices.
"""

import argparse
import asyncio
import math
import random
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from av.audio.frame import AudioFrame

from shared.settings import WorkerSettings
from shared.transcript import Word
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from worker_service.engines.google import follower
from worker_service.engines.google.engine import GoogleEngine
from worker_service.engines.google.opening import open_google
from worker_service.engines.port import SpeechRequest, SpeechResult
from worker_service.media.flac import SAMPLE_RATE, writing
from worker_service.pieces.assembly import Heard, assemble
from worker_service.pieces.cutting import Span, spans
from worker_service.pieces.files import cut

_SPEED: Final = 10.0  # an operation takes a tenth of its audio's length
_PEAK_MS: Final = 50
_LOUD: Final = 235  # a peak of speech, in quarters of a decibel
_BY_HAND_MS: Final = 18 * 60_000


@dataclass(frozen=True, slots=True)
class Recording:
    """A conversation of two: what is said, where it is loud, and its sound."""

    words: list[dict[str, Any]]
    peaks: list[int]
    duration_ms: int
    path: Path


@dataclass(frozen=True, slots=True)
class Row:
    """What one way has come to."""

    way: str
    here_s: float
    at_google_s: float
    billed_s: int
    lost: int
    doubled: int
    speakers: float

    @property
    def minutes(self) -> float:
        """From the prepared recording to the words."""
        return (self.here_s + self.at_google_s) / 60


class Waits:
    """When operations were waited for: the union of all waits is Google's time, and runs faster than ours."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._intervals: list[tuple[float, float]] = []

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Note that the block waits for an operation."""
        began = time.monotonic()
        yield
        self._intervals.append((began, time.monotonic()))

    def split(self, seconds: float) -> tuple[float, float]:
        """What of so many seconds was done here, and how long the rest would have been at Google."""
        waited, until = 0.0, 0.0
        for began, ended in sorted(self._intervals):
            waited += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return seconds - waited, waited * self._scale


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pieces", description=__doc__)
    parser.add_argument("--minutes", type=int, default=90, help="the recording's length")
    parser.add_argument(
        "--scale", type=float, default=20.0, help="how much faster than Google's time runs here"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recording = _recorded(Path(folder) / "audio.flac", arguments.minutes * 60_000)
        with FakeGoogle(Path(folder) / "google", "--bucket", "recordings") as google:
            google.settings(
                speed=_SPEED * arguments.scale,
                operation_requests_per_window=100_000,
                batch_requests_per_window=100_000,
            )
            google.script(words=recording.words)
            follower._SWEEP_S /= arguments.scale  # type: ignore[misc]
            rows = asyncio.run(_all_ways(google, recording, Path(folder), arguments.scale))
    _show(rows, recording)


async def _all_ways(google: FakeGoogle, recording: Recording, folder: Path, scale: float) -> list[Row]:
    engine = open_google(_settings(google), None)
    try:
        plan = engine.check(_request(recording.path, Span(0, recording.duration_ms)))
        assert plan.cutting is not None, "a shorter recording is not cut"
        ours = spans(recording.peaks, _PEAK_MS, recording.duration_ms, plan.cutting)
        by_hand = [
            Span(start, min(start + _BY_HAND_MS, recording.duration_ms))
            for start in range(0, recording.duration_ms, _BY_HAND_MS)
        ]
        ways: dict[str, Callable[[Waits], Awaitable[tuple[Word, ...]]]] = {
            "one long operation, chirp_2": lambda waits: _whole(engine, recording, waits),
            "cut every 18 min by hand, one after the other": lambda waits: _in_pieces(
                engine, recording, by_hand, folder, waits, at_once=1, join=_concatenated
            ),
            "ours, one after the other": lambda waits: _in_pieces(
                engine, recording, ours, folder, waits, at_once=1, join=_joined
            ),
            "ours, side by side": lambda waits: _in_pieces(
                engine, recording, ours, folder, waits, at_once=len(ours), join=_joined
            ),
        }
        return [await _measured(way, google, recording, work, Waits(scale)) for way, work in ways.items()]
    finally:
        await engine.aclose()


async def _measured(
    way: str,
    google: FakeGoogle,
    recording: Recording,
    work: Callable[[Waits], Awaitable[tuple[Word, ...]]],
    waits: Waits,
) -> Row:
    billed = google.ledger()["billed_ms"]
    began = time.monotonic()
    words = await work(waits)
    here_s, at_google_s = waits.split(time.monotonic() - began)
    counts = Counter(word.text for word in words)
    return Row(
        way=way,
        here_s=here_s,
        at_google_s=at_google_s,
        billed_s=(google.ledger()["billed_ms"] - billed) // 1_000,
        lost=sum(word["text"] not in counts for word in recording.words),
        doubled=sum(count - 1 for count in counts.values()),
        speakers=_right(words, {word["text"]: word["speaker"] for word in recording.words}),
    )


async def _whole(engine: GoogleEngine, recording: Recording, waits: Waits) -> tuple[Word, ...]:
    span = Span(0, recording.duration_ms)
    request = replace(_request(recording.path, span), diarization=False, model="chirp_2")
    return (await _heard(engine, request, await engine.stage(request), waits)).words


async def _in_pieces(
    engine: GoogleEngine,
    recording: Recording,
    pieces: Sequence[Span],
    folder: Path,
    waits: Waits,
    *,
    at_once: int,
    join: Callable[[Sequence[Heard]], tuple[Word, ...]],
) -> tuple[Word, ...]:
    files = await cut(recording.path, folder, dict(enumerate(pieces)))
    slots = asyncio.Semaphore(at_once)

    requests = [
        replace(_request(files[n], span), piece=n, start_ms=span.start_ms) for n, span in enumerate(pieces)
    ]
    staged = [await engine.stage(request) for request in requests]

    async def hear(span: Span, request: SpeechRequest, audio: str) -> Heard:
        async with slots:
            return Heard(span, await _heard(engine, request, audio, waits))

    heard = await asyncio.gather(*map(hear, pieces, requests, staged))
    return join(heard)


async def _heard(engine: GoogleEngine, request: SpeechRequest, audio: str, waits: Waits) -> SpeechResult:
    with waits.wait():
        name = await engine.submit(request, audio)
        return await engine.follow(request, name, lambda _: None)


def _joined(heard: Sequence[Heard]) -> tuple[Word, ...]:
    return assemble(heard, speakers=2).words


def _concatenated(heard: Sequence[Heard]) -> tuple[Word, ...]:
    return tuple(word for piece in heard for word in piece.result.words)


def _request(audio: Path, span: Span) -> SpeechRequest:
    return SpeechRequest(uuid4(), 1, audio, span.length_ms, language="en-US", piece=None)


def _settings(google: FakeGoogle) -> WorkerSettings:
    needed = {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h",
              "TRANSCRIPTS_STORAGE_URL": "file:///none", "TRANSCRIPTS_GOOGLE_CALLS_PER_MINUTE": "100000"}  # fmt: skip
    return WorkerSettings(**{**needed, **google_settings(google)})  # type: ignore[arg-type]


def _right(words: Sequence[Word], truth: dict[str, int]) -> float:
    """The share of the words that have the right speaker, whichever numbers the speakers were given."""
    pairs = Counter((word.speaker, truth.get(word.text)) for word in words)
    best = max(
        sum(pairs[given, real] for given, real in zip(order, (1, 2), strict=True))
        for order in permutations((1, 2))
    )
    return best / len(words)


# The recording ----------------------------------------------------------------------------------------------


def _recorded(path: Path, duration_ms: int) -> Recording:
    """Turns of 5 to 60 s, a breath between the words, a pause between the turns; every word is another one."""
    words = list(_conversation(duration_ms))
    peaks = [0] * (duration_ms // _PEAK_MS)
    for word in words:
        first, last = word["start_ms"] // _PEAK_MS, -(-word["end_ms"] // _PEAK_MS)
        peaks[first:last] = [_LOUD] * (last - first)
    _write(path, peaks)
    return Recording(words, peaks, len(peaks) * _PEAK_MS, path)


def _conversation(duration_ms: int) -> Iterator[dict[str, Any]]:
    chance, at, n, speaker = random.Random(4), 500, 0, 1
    while at < duration_ms - 1_000:
        turn_ends = at + chance.randint(5_000, 60_000)
        while at < min(turn_ends, duration_ms - 1_000):
            ends = at + chance.randint(150, 600)
            yield {"text": f"word{n}", "start_ms": at, "end_ms": ends, "speaker": speaker}
            at, n = ends + chance.choice((40, 60, 80, 120, 300)), n + 1
        at, speaker = at + chance.randint(200, 900), 3 - speaker


def _write(path: Path, peaks: Sequence[int]) -> None:
    count = SAMPLE_RATE * _PEAK_MS // 1_000
    wave = [int(6_000 * math.sin(2 * math.pi * 220 * n / SAMPLE_RATE)) for n in range(count)]
    sound = {0: bytes(2 * count), _LOUD: struct.pack(f"<{count}h", *wave)}
    with writing(path) as write:
        for first in range(0, len(peaks), 20):
            block = b"".join(sound[peak] for peak in peaks[first : first + 20])
            frame = AudioFrame("s16", "mono", len(block) // 2)
            frame.planes[0].update(block.ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate = SAMPLE_RATE
            write(frame)


def _show(rows: Sequence[Row], recording: Recording) -> None:
    print(f"{recording.duration_ms / 60_000:.0f} min, {len(recording.words):,} words, two voices\n")
    print(
        "| | at Google, min | here, s | in all, min | speed-up | billed s | lost | doubled | speakers right |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.way} | {row.at_google_s / 60:.1f} | {row.here_s:.1f} | {row.minutes:.1f} |"
            f" {rows[0].minutes / row.minutes:.1f} | {row.billed_s:,} | {row.lost} | {row.doubled} |"
            f" {f'{row.speakers:.1%}' if row.speakers else 'none'} |"
        )


if __name__ == "__main__":
    main()
