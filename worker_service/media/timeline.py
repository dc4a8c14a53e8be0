"""Where a file's clock runs ahead of its sound, silence is missing: with it, times agree with the recording.

A call that was muted, a recorder that was paused, or packets that were lost leave holes in webm, mp4 and ogg
files. Players wait there; a decoder that merely joins frames would bring every later word too early.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final

from av.audio.frame import AudioFrame

_LEAST_S: Final = 0.1  # less is rounding, or a packet or two
_MOST_S: Final = 3600.0  # more is a broken clock


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was recorded for so long."""

    seconds: float


class Timeline:
    """Compares the frames of one stream with the file's own clock."""

    def __init__(self, start_s: float) -> None:
        """`start_s` is where the file's clock stands when the recording begins."""
        self.missing_s = 0.0  # all gaps so far
        self._clock_s = start_s

    def with_gaps(self, frames: Iterable[AudioFrame]) -> Iterator[AudioFrame | Gap]:
        """The frames, and a Gap wherever the clock says that sound is missing.

        Jumps back, jumps of more than an hour, and jumps that the next frame does not confirm are a damaged
        clock's: they only set it.
        """
        for frame, following in pairwise(chain(frames, (None,))):
            assert frame is not None
            at_s, lasts_s = frame.time, frame.samples / frame.sample_rate
            if at_s is not None:
                missing_s = at_s - self._clock_s
                if _LEAST_S <= missing_s <= _MOST_S and _confirmed(at_s + lasts_s, following):
                    yield Gap(missing_s)
                    self.missing_s += missing_s
                if not -_LEAST_S < missing_s < _LEAST_S:
                    self._clock_s = at_s
            yield frame
            self._clock_s += lasts_s


def _confirmed(end_s: float, following: AudioFrame | None) -> bool:
    """Whether the next frame begins about where this one ends."""
    return following is not None and following.time is not None and abs(following.time - end_s) < _LEAST_S
