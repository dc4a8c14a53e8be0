"""Frames of any rate, format and number of channels become 16-bit mono, every channel heard.

All channels count alike: who speaks may sit on any of them, even on the one that a film keeps for its rumble.
Two channels in opposite phase (a microphone wired the wrong way round) would cancel each other out: there the
second is turned over.
"""

import math
import operator
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, groupby
from typing import Final, NamedTuple, cast

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.filter import Graph

from worker_service.media.timeline import Gap

_LISTEN_S: Final = 8.0  # how much sound is measured before the first of it goes out
_MEASURE_RATE: Final = 4_000  # keeps the voice
_INVERTED: Final = -0.8  # correlation of left and right; speech of two microphones stays above 0
_QUIET: Final = 33  # of 32,767: -60 dBFS; what is not louder says nothing of its phase
_BLOCK: Final = 8_192  # samples of a frame that goes out: fewer frames, less Python


class Form(NamedTuple):
    """What a mixer is made for."""

    format: str
    layout: str
    channels: int
    rate: int


def mix(sound: Iterable[AudioFrame | Gap], rate: int) -> Iterator[AudioFrame]:
    """The same sound as 16-bit mono at `rate`, without timestamps; changes of form on the way are followed."""
    known: dict[Form, bool] = {}
    for form, run in groupby(sound, key=form_of):
        if form is not None:
            yield from _mix_run(form, cast("Iterator[AudioFrame]", run), rate, known)
            continue
        for gap in cast("Iterator[Gap]", run):
            yield from silence(gap.seconds, rate)


def form_of(sound: AudioFrame | Gap) -> Form | None:
    """The form of a frame; None of a gap."""
    if isinstance(sound, Gap):
        return None
    return Form(sound.format.name, sound.layout.name, sound.layout.nb_channels, sound.sample_rate)


def silence(seconds: float, rate: int) -> Iterator[AudioFrame]:
    """Frames of 16-bit mono silence."""
    left = round(seconds * rate)
    while left > 0:
        frame = AudioFrame("s16", "mono", min(left, _BLOCK))
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate = rate
        yield frame
        left -= _BLOCK


class _Mixer:
    """Weighs, adds and resamples frames of one form."""

    def __init__(self, form: Form, rate: int, *, inverted: bool) -> None:
        self._graph = Graph()
        source = self._graph.add(
            "abuffer",
            sample_rate=str(form.rate),
            sample_fmt=form.format,
            channel_layout=form.layout,
            time_base=str(Fraction(1, form.rate)),
        )
        weights = "-".join if inverted else "+".join
        mixed = self._graph.add(
            "pan", "mono|c0=" + weights(f"{1 / form.channels:.6f}*c{n}" for n in range(form.channels))
        )
        wanted = self._graph.add("aformat", sample_fmts="s16", sample_rates=str(rate), channel_layouts="mono")
        sink = self._graph.add("abuffersink")
        source.link_to(mixed)
        mixed.link_to(wanted)
        wanted.link_to(sink)
        self._graph.configure()
        self._graph.set_audio_frame_size(_BLOCK)

    def mixed(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """What is ready after this frame."""
        frame.pts = None  # the graph counts samples; timestamps of damaged files go backwards
        self._graph.push(frame)
        return self._ready()

    def rest(self) -> Iterator[AudioFrame]:
        """What is still held; the last call."""
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Iterator[AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(frame, AudioFrame)
            frame.pts = None
            yield frame


def _mix_run(
    form: Form, frames: Iterator[AudioFrame], rate: int, known: dict[Form, bool]
) -> Iterator[AudioFrame]:
    """Mix frames of one form; `known` remembers of which forms the channels are in opposite phase.

    Silence at the beginning passes; from the first sound on, frames are held back until enough was heard.
    """
    mixer, held = _Mixer(form, rate, inverted=known.get(form, False)), list[AudioFrame]()
    if form.channels == 2 and form not in known:
        ear = _Ear()
        for frame in frames:
            ear.listen(frame)
            if ear.heard_s:
                held.append(frame)
            else:
                yield from mixer.mixed(frame)
            if ear.heard_s >= _LISTEN_S:
                known[form] = ear.inverted
                break
        if ear.inverted:
            yield from mixer.rest()
            mixer = _Mixer(form, rate, inverted=True)
    for frame in chain(held, frames):
        yield from mixer.mixed(frame)
    yield from mixer.rest()


class _Ear:
    """Listens to two channels, to tell whether they are each other's mirror image."""

    def __init__(self) -> None:
        self.heard_s = 0.0  # of sound, silence not counted
        self._meter = AudioResampler("s16", "stereo", _MEASURE_RATE)
        self._both = self._left = self._right = 0

    def listen(self, frame: AudioFrame) -> None:
        """Take a frame into account."""
        frame.pts = None
        for measured in self._meter.resample(frame):
            samples = memoryview(measured.planes[0]).cast("B").cast("h")[: measured.samples * 2].tolist()
            if max(samples) < _QUIET and min(samples) > -_QUIET:
                continue
            self.heard_s += measured.samples / _MEASURE_RATE
            left, right = samples[::2], samples[1::2]
            self._both += _dot(left, right)
            self._left += _dot(left, left)
            self._right += _dot(right, right)

    @property
    def inverted(self) -> bool:
        """Whether Pearson's correlation of the channels (their means are 0) is near -1."""
        energy = math.sqrt(self._left * self._right)
        return energy > 0 and self._both / energy < _INVERTED


def _dot(one: list[int], other: list[int]) -> int:
    return sum(map(operator.mul, one, other))
