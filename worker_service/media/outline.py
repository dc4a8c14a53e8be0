"""Draws a recording's waveform while it is decoded: of bounded size, whatever the length."""

import math
from typing import Final

EVERY: Final = 8
"""Samples from one to the next that is looked at: 2,000 in a second, since a voice is loud for longer than that."""

MOST_PEAKS: Final = 131_072  # an even number: three hours are peaks of 100 ms
_FULL_SCALE: Final = 32_768
_LOUDEST: Final = 255
_STEPS_PER_DECIBEL: Final = 4


class Outline:
    """The peaks of 16-bit mono sound, each of 25 ms at first; where they would be too many, of twice as much."""

    def __init__(self, rate: int, *, ms: int = 25, most: int = MOST_PEAKS) -> None:
        """Sound of `rate` samples a second, of which `hear` gets every EVERY-th."""
        self.ms_per_peak = ms
        self.loudest = 0
        self._most = most
        self._window = rate * ms // 1000 // EVERY
        self._peaks: list[int] = []
        self._held: list[int] = []

    def hear(self, samples: list[int]) -> None:
        """Take more of the sound into account."""
        held, start = self._held, 0
        held += samples
        while (end := start + self._window) <= len(held):
            self._add(held[start:end])
            start = end
        del held[:start]

    def levels(self) -> bytes:
        """What `shared.waveforms.Waveform` calls peaks, the rest of the sound included; the last call."""
        if self._held:
            self._add(self._held)
        return bytes(map(level, self._peaks))

    def _add(self, samples: list[int]) -> None:
        highest, lowest = max(samples), min(samples)
        peak = max(highest, -lowest)
        self._peaks.append(peak)
        self.loudest = max(self.loudest, peak)
        if len(self._peaks) == self._most:
            self._coarsen()

    def _coarsen(self) -> None:
        """Make one peak of two: the louder one, so that nothing that was said is lost."""
        self._peaks = list(map(max, self._peaks[::2], self._peaks[1::2]))
        self.ms_per_peak *= 2
        self._window *= 2


def level(peak: int) -> int:
    """A peak of 16-bit sound as a byte, in quarters of a decibel under full scale."""
    if peak <= 0:
        return 0
    decibels = 20 * math.log10(peak / _FULL_SCALE)
    return max(0, min(_LOUDEST, _LOUDEST + round(decibels * _STEPS_PER_DECIBEL)))
