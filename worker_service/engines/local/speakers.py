"""Tells who speaks: voice vectors are gathered piece by piece, grouped at the end, and given to the words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps
from numpy.typing import NDArray

from shared.transcript import Notice, NoticeCode, Word
from worker_service.engines.local.audio import PER_MS, Piece
from worker_service.engines.local.clustering import group
from worker_service.engines.local.dvector import WINDOW_FRAMES, VoiceEncoder
from worker_service.engines.local.torch_file import Array
from worker_service.engines.local.weights import VOICES, verify

_STEP_FRAMES: Final = 40  # 0.4 s from one window to the next
_FINE_STEP_FRAMES: Final = 20  # for short recordings, which have few windows and cost little
_SHORT_MS: Final = 10 * 60_000
_FRAME_MS: Final = 10
_FEWEST_FRAMES: Final = 40  # a shorter stretch of speech says too little of its voice
_VAD: Final = VadOptions(min_silence_duration_ms=250, speech_pad_ms=60)
_NEAR_MS: Final = 2_000  # a word further from any window is nobody's in particular
# What a change of speaker costs, in hundredths of a second of full likeness.
_CHANGE: Final = 4.0
_CHANGE_AT_PAUSE: Final = 1.0
_PAUSE_MS: Final = 250
_TOO_LITTLE: Final = 5  # windows: two seconds of speech

UNCERTAIN: Final = NoticeCode.SPEAKERS_UNCERTAIN


class Diarizer:
    """Gathers the voices of one recording; memory is 1 KB a window, so 9 MB an hour."""

    def __init__(self, encoder: VoiceEncoder, most: int, duration_ms: int) -> None:
        self._encoder = encoder
        self._most = most
        self._step = _FINE_STEP_FRAMES if duration_ms <= _SHORT_MS else _STEP_FRAMES
        self._vectors: list[Array] = []
        self._times: list[float] = []  # the middle of each window, in milliseconds of the recording

    @classmethod
    def load(cls, models_dir: Path, most: int, duration_ms: int) -> "Diarizer":
        """For up to `most` voices, with the pinned encoder; EngineMisconfiguredError where it is not there."""
        return cls(VoiceEncoder.load(verify(VOICES, models_dir) / "pretrained.pt"), most, duration_ms)

    def gather(self, piece: Piece) -> None:
        """Take the voice vectors of a piece's speech."""
        spectrogram = self._encoder.spectrogram(piece.samples)
        windows, times = [], []
        for first, last in _speech(piece):
            for window, middle in _windows(spectrogram[first:last], self._step):
                windows.append(window)
                times.append(piece.start_ms + (first + middle) * _FRAME_MS)
        if windows:
            self._vectors.append(self._encoder.embed(np.stack(windows)))
            self._times += times

    def attribute(self, words: Sequence[Word]) -> tuple[tuple[Word, ...], Notice | None]:
        """The words with speakers, 1-based in order of first speech, and what is unsure about them."""
        if not words:
            return (), None
        if len(self._times) < _TOO_LITTLE:
            return tuple(replace(word, speaker=1) for word in words), _uncertain(self._most, 1)
        vectors = np.concatenate(self._vectors)
        grouping = group(vectors, self._most)
        likeness = vectors @ grouping.centres.T
        labels = _path(_evidence(words, np.array(self._times), likeness), _changes(words))
        order = {label: n for n, label in enumerate(dict.fromkeys(labels), start=1)}
        named = tuple(replace(w, speaker=order[label]) for w, label in zip(words, labels, strict=True))
        doubt = not grouping.sure or len(order) == 1
        return named, _uncertain(self._most, len(order)) if doubt else None


def _uncertain(asked: int, found: int) -> Notice:
    voices = "one voice was" if found == 1 else f"{found} voices were"
    return Notice(
        UNCERTAIN,
        f"Up to {asked} speakers were expected and {voices} told apart. If more people speak, their words are "
        "under another's name: listen to the recording and correct the speakers.",
    )


def _speech(piece: Piece) -> Iterator[tuple[int, int]]:
    """Where somebody speaks, in frames of the piece."""
    for stretch in get_speech_timestamps(piece.samples, _VAD):
        yield stretch["start"] // (_FRAME_MS * PER_MS), stretch["end"] // (_FRAME_MS * PER_MS)


def _windows(speech: Array, step: int) -> Iterator[tuple[Array, int]]:
    """Windows of a stretch of speech and the frame in the middle of each; a short stretch is repeated."""
    if len(speech) < _FEWEST_FRAMES:
        return
    if len(speech) < WINDOW_FRAMES:
        yield np.resize(speech, (WINDOW_FRAMES, speech.shape[1])), len(speech) // 2
        return
    for at in range(0, len(speech) - WINDOW_FRAMES + 1, step):
        yield speech[at : at + WINDOW_FRAMES], at + WINDOW_FRAMES // 2


def _evidence(words: Sequence[Word], times: NDArray[np.float64], likeness: Array) -> NDArray[np.float64]:
    """For each word (row) and voice (column): how much speaks for it; longer words say more."""
    middles = np.array([(word.start_ms + word.end_ms) / 2 for word in words])
    weights = np.array([max(word.end_ms - word.start_ms, 50) for word in words]) / _FRAME_MS
    order = np.argsort(times, kind="stable")
    near = np.abs(middles - times[order][_nearest(times[order], middles)]) <= _NEAR_MS
    columns = [np.interp(middles, times[order], column[order]) for column in likeness.T]
    return np.asarray(np.stack(columns, axis=1) * (weights * near)[:, None], np.float64)


def _nearest(times: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.intp]:
    right = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
    return np.where(at - times[right - 1] < times[right] - at, right - 1, right)


def _changes(words: Sequence[Word]) -> NDArray[np.float64]:
    """What a change of speaker before each word costs: little where there is a pause."""
    gaps = [0, *(b.start_ms - a.end_ms for a, b in pairwise(words))]
    return np.where(np.array(gaps) >= _PAUSE_MS, _CHANGE_AT_PAUSE, _CHANGE)


def _path(evidence: NDArray[np.float64], changes: NDArray[np.float64]) -> list[int]:
    """The likeliest sequence of voices (Viterbi)."""
    count = evidence.shape[1]
    stay = 1 - np.eye(count)
    score = evidence[0]
    back = np.zeros(evidence.shape, dtype=int)
    for n in range(1, len(evidence)):
        options = score[:, None] - changes[n] * stay
        back[n] = options.argmax(axis=0)
        score = options.max(axis=0) + evidence[n]
    label = int(score.argmax())
    labels = [label]
    for n in range(len(evidence) - 1, 0, -1):
        label = int(back[n][label])
        labels.append(label)
    return labels[::-1]
