"""Where a long recording is cut: at its quietest places, into pieces that overlap; pure, standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, Self

_OVERLAP_MS: Final = 30_000  # around a cut: in half a minute of a conversation both mostly say something
_SEARCH_MS: Final = 30_000  # how far from the even division a quiet place is looked for, each way
_SHARE: Final = 8  # and both at most so small a part of a piece
_QUIET_MS: Final = (
    600  # of quiet that a cut wants around it: no word is as near as two engines' clocks differ
)
_SOUND: Final = 55  # a peak of -50 dBFS: what is quieter says nothing of whose voice it is
_SOUND_MS: Final = 10_000  # of sound that an overlap should hold
_MOST_OVERLAP_MS: Final = 180_000  # and how far it is stretched for that
_STRETCH_MS: Final = 5_000  # at a time
_AMPLITUDES: Final = tuple(
    round(32_768 * 10 ** ((peak - 255) / 80)) for peak in range(256)
)  # of quarter decibels


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a recording, in milliseconds from its beginning."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """How long it lasts."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Cutting:
    """How long a piece may be, how much two neighbours share, and how far a cut may be from the even division."""

    longest_ms: int
    overlap_ms: int
    search_ms: int

    @classmethod
    def of(cls, longest_ms: int) -> Self:
        """What suits pieces of this length at most."""
        part = longest_ms // _SHARE
        return cls(longest_ms, min(_OVERLAP_MS, part), min(_SEARCH_MS, part // 2))

    def count(self, duration_ms: int) -> int:
        """The fewest pieces in which wherever the cuts fall, none is too long."""
        if duration_ms <= self.longest_ms:
            return 1
        return -(-duration_ms // (self.longest_ms - self.overlap_ms - 2 * self.search_ms))

    def sent_ms(self, duration_ms: int) -> int:
        """How much audio the pieces of a recording are together, overlaps included: what is billed, as a rule."""
        return duration_ms + (self.count(duration_ms) - 1) * self.overlap_ms


def spans(peaks: Sequence[int], ms_per_peak: int, duration_ms: int, cutting: Cutting) -> tuple[Span, ...]:
    """The pieces of a recording, in order; each cut lies in the middle of what two neighbours share.

    `peaks` are those of its waveform (`shared.waveforms`). Pieces are as even as the quiet places allow, so that they
    end at about the same time, and never longer than allowed.
    """
    count = cutting.count(duration_ms)
    if count == 1:
        return (Span(0, duration_ms),)
    heard = _Heard(peaks, ms_per_peak)
    aims = [duration_ms * n // count for n in range(1, count)]
    cuts = [heard.quietest(aim, cutting.search_ms) for aim in aims]
    halves = _halves(heard, [0, *cuts, duration_ms], cutting)
    starts = [0, *(cut - half for cut, half in zip(cuts, halves, strict=True))]
    ends = [*(cut + half for cut, half in zip(cuts, halves, strict=True)), duration_ms]
    return tuple(Span(start, end) for start, end in zip(starts, ends, strict=True))


def seams(pieces: Sequence[Span]) -> list[int]:
    """Where neighbours meet: the middle of what they share, in milliseconds."""
    return [(left.end_ms + right.start_ms) // 2 for left, right in pairwise(pieces)]


def _halves(heard: "_Heard", marks: Sequence[int], cutting: Cutting) -> list[int]:
    """How far each overlap reaches to either side of its cut: further where nobody speaks near it.

    Each overlap may take half of the room that the piece on either side of it has left.
    """
    halves = []
    for before, cut, after in zip(marks, marks[1:], marks[2:], strict=False):
        half = cutting.overlap_ms // 2
        nearest = min(cut - before, after - cut)
        room = (cutting.longest_ms - max(cut - before, after - cut)) // 2
        most = min(room, nearest // 2, _MOST_OVERLAP_MS // 2)
        while half + _STRETCH_MS <= most and heard.sound_ms(cut - half, cut + half) < _SOUND_MS:
            half += _STRETCH_MS
        halves.append(half)
    return halves


class _Heard:
    """Sums over the peaks, so that any stretch is asked in no time."""

    def __init__(self, peaks: Sequence[int], ms_per_peak: int) -> None:
        self._ms = ms_per_peak
        self._loud = list(accumulate((_AMPLITUDES[peak] for peak in peaks), initial=0))
        self._sounds = list(accumulate((peak >= _SOUND for peak in peaks), initial=0))

    def quietest(self, aim_ms: int, search_ms: int) -> int:
        """The middle of the quietest window within `search_ms` of a moment; of equal ones the nearest."""
        window = max(1, _QUIET_MS // self._ms)
        first = max(0, -(-(aim_ms - search_ms) // self._ms) - window // 2)
        last = min(len(self._loud) - 1, (aim_ms + search_ms) // self._ms + window // 2) - window

        def middle(at: int) -> int:
            return (2 * at + window) * self._ms // 2

        def cost(at: int) -> tuple[int, int]:
            return self._loud[at + window] - self._loud[at], abs(middle(at) - aim_ms)

        tried = [at for at in range(first, last + 1) if abs(middle(at) - aim_ms) <= search_ms]
        return middle(min(tried, key=cost)) if tried else aim_ms

    def sound_ms(self, start_ms: int, end_ms: int) -> int:
        """How much of a stretch is sound."""
        last = len(self._sounds) - 1
        first, end = (min(max(0, at // self._ms), last) for at in (start_ms, end_ms))
        return (self._sounds[end] - self._sounds[first]) * self._ms
