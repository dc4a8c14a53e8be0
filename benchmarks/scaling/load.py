"""Recordings of a day: few at night, most in the afternoon, and bursts in which many come at once; seeded."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400
_STEP_S: Final = 10.0  # within this time the rate counts as constant
_NIGHT: Final = 0.08  # of the afternoon's rate
_BUSIEST_H: Final = 15.0
_BURST_S: Final = 300.0
_SPREAD: Final = 0.6  # sigma of the logarithm: one in twenty holds its place 2.2 times as long as the mean


@dataclass(frozen=True, slots=True)
class Job:
    """A recording: when it comes, and how long it holds a place, in seconds."""

    comes: float
    holds: float


@dataclass(frozen=True, slots=True)
class Day:
    """What comes: `peak` jobs in work at once where nothing waits, bursts included."""

    peak: int
    hold_s: float = 720.0
    bursts: int = 6
    share_of_bursts: float = 0.3
    """Of the peak, how much comes in one burst of five minutes."""
    seed: int = 1

    @property
    def usual_peak(self) -> float:
        """Jobs in work at the busiest time, without bursts: what one would plan for."""
        return self.peak * (1 - self.share_of_bursts)

    def jobs(self) -> list[Job]:
        """All recordings of the day, by the time at which they come."""
        chance = random.Random(self.seed)
        mu = math.log(self.hold_s) - _SPREAD**2 / 2
        return [Job(at, chance.lognormvariate(mu, _SPREAD)) for at in sorted(self._arrivals(chance))]

    def _arrivals(self, chance: random.Random) -> Iterator[float]:
        most = self.usual_peak / self.hold_s
        for n in range(int(DAY_S / _STEP_S)):
            start = n * _STEP_S
            for _ in range(_poisson(chance, most * _shape(start / 3600) * _STEP_S)):
                yield start + chance.random() * _STEP_S
        for _ in range(self.bursts):
            begin = chance.uniform(6, 22) * 3600
            for _ in range(round(self.peak * self.share_of_bursts)):
                yield begin + chance.random() * _BURST_S


def _shape(hour: float) -> float:
    """The rate at an hour, as a share of the busiest's."""
    wave = (1 + math.cos((hour - _BUSIEST_H) / 24 * 2 * math.pi)) / 2
    return _NIGHT + (1 - _NIGHT) * wave**2


def _poisson(chance: random.Random, mean: float) -> int:
    """How many of a rare event happen; by the normal distribution where they are many."""
    if mean > 50:
        return max(round(chance.gauss(mean, math.sqrt(mean))), 0)
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count
