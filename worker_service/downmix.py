"""Frames of any rate and layout become 16-bit mono; two channels in opposite phase do not cancel out."""

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

_LISTEN_S: Final = 8.0  # how much of the beginning is measured before the first frame goes out
_MEASURE_RATE: Final = 4_000
_INVERTED: Final = -0.8  # correlation of left and right; speech of two microphones stays above 0


class Downmixer:
    """Mixes one stream down; a change of rate or layout in its middle is followed."""

    def __init__(self, rate: int) -> None:
        self._rate = rate

    def mix(self, frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
        """The same sound as 16-bit mono at `rate`."""
        source = iter(frames)
        beginning, inverted = _listen(source)
        resampler, form = None, None
        for frame in chain(beginning, source):
            frame.pts = None
            if resampler is None or form != _form(frame):
                if resampler is not None:
                    yield from resampler.resample(None)
                resampler, form = (
                    AudioResampler("s16", "stereo" if inverted else "mono", self._rate),
                    _form(frame),
                )
            for mixed in resampler.resample(frame):
                yield _left(mixed) if inverted else mixed
        if resampler is not None:
            for mixed in resampler.resample(None):
                yield _left(mixed) if inverted else mixed


def _form(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _listen(source: Iterator[AudioFrame]) -> tuple[list[AudioFrame], bool]:
    """The beginning of the stream, and whether its two channels are each other's mirror image."""
    beginning: list[AudioFrame] = []
    seconds = 0.0
    for frame in source:
        beginning.append(frame)
        seconds += frame.samples / frame.sample_rate
        if frame.layout.nb_channels != 2:
            return beginning, False
        if seconds >= _LISTEN_S:
            break
    return beginning, bool(beginning) and _correlation(beginning) < _INVERTED


def _correlation(frames: list[AudioFrame]) -> float:
    """Pearson's correlation of left and right (their means are 0), at a rate that keeps the voice."""
    meter = AudioResampler("s16", "stereo", _MEASURE_RATE)
    form, both, left, right = _form(frames[0]), 0, 0, 0
    for frame in frames:
        if _form(frame) != form:
            break
        frame.pts = None
        for measured in meter.resample(frame):
            samples = memoryview(measured.planes[0]).cast("B").cast("h")[: measured.samples * 2].tolist()
            for a, b in zip(samples[::2], samples[1::2], strict=True):
                both, left, right = both + a * b, left + a * a, right + b * b
    return both / math.sqrt(left * right) if left and right else 0.0


def _left(stereo: AudioFrame) -> AudioFrame:
    """The left channel of an interleaved stereo frame, as a mono frame."""
    samples = memoryview(stereo.planes[0]).cast("B").cast("h")[: stereo.samples * 2][::2].tobytes()
    mono = AudioFrame("s16", "mono", stereo.samples)
    mono.planes[0].update(samples.ljust(mono.planes[0].buffer_size, b"\0"))
    mono.sample_rate = stereo.sample_rate
    return mono
