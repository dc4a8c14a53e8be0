"""How many workers there should be now, and why: pure, so that the simulation and the tests run the same rule.

Up at once, because people wait; down only when the peak of the past minutes would have done with fewer, because an
instance takes a minute to come back, and because stopping one makes its jobs start anew elsewhere.
"""

import math
from dataclasses import dataclass
from typing import Final

_ROUNDING: Final = 1e-9  # 0.1 x 3 x 10 is a little more than 3


@dataclass(frozen=True, slots=True)
class Limits:
    """What the scaler may do; ValueError where that is contradictory."""

    max_jobs: int
    """Places of one instance (MAX_JOBS of the worker)."""
    least: int = 1
    most: int = 10
    margin: float = 1.2
    """Places to have for each that is wanted: the free ones are what the next recordings find at once."""
    quiet_s: float = 300.0
    """How long fewer must have been enough before there are fewer."""
    most_up: int = 20
    most_down: int = 5
    """Instances added, and taken away, in one step."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if min(self.max_jobs, self.most_up, self.most_down) < 1 or self.least < 0 or self.quiet_s < 0:
            raise ValueError("max_jobs and the steps must be 1 or more, the rest not negative")
        if self.most < max(self.least, 1):
            raise ValueError(
                f"the most instances ({self.most}) must not be fewer than the least ({self.least})"
            )
        if not 1 <= self.margin < math.inf:
            raise ValueError("the margin must be 1 or more: below, running jobs would not have their places")


@dataclass(frozen=True, slots=True)
class Need:
    """What the signal says: running and due jobs, and the places that these would take."""

    running: int
    due: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Sight:
    """An earlier look: when (any clock, in seconds), and how many instances that need asked for."""

    at: float
    instances: int


@dataclass(frozen=True, slots=True)
class Decision:
    """How many instances to have, why, and what the next decision must remember."""

    instances: int
    reason: str
    sights: tuple[Sight, ...]


def instances_for(need: Need, limits: Limits) -> int:
    """ceil(places wanted x margin / max_jobs), between the least and the most."""
    wanted = math.ceil(need.wanted * limits.margin / limits.max_jobs - _ROUNDING)
    return min(max(wanted, limits.least), limits.most)


def decide(
    need: Need | None, current: int, sights: tuple[Sight, ...], limits: Limits, now: float
) -> Decision:
    """What to do with `current` instances; `need` is None while the signal cannot be read.

    Not knowing is no reason to change anything, and what was not watched was not quiet: the watch starts anew.
    """
    if need is None:
        return Decision(current, "the signal cannot be read: nothing is changed", ())
    asked = instances_for(need, limits)
    sights = _newer_than(now - limits.quiet_s, (*sights, Sight(now, asked)))
    size = f"{asked} instance{'s' * (asked != 1)}"
    wants = f"{need.running} running and {need.due} due jobs want {need.wanted} places, {size}"
    if asked > current:
        target = min(asked, current + limits.most_up)
        return Decision(target, wants + ("" if target == asked else f"; {limits.most_up} a step"), sights)
    if asked == current:
        return Decision(current, wants, sights)
    watched = now - sights[0].at
    if watched < limits.quiet_s:
        return Decision(current, f"{wants}; watched for {watched:.0f} of {limits.quiet_s:.0f} s", sights)
    peak = max(sight.instances for sight in sights)
    if peak >= current:
        return Decision(current, f"{wants}; {peak} in the past {limits.quiet_s:.0f} s", sights)
    target = max(peak, current - limits.most_down)
    return Decision(target, f"{wants}; no more than {peak} for {limits.quiet_s:.0f} s", sights)


def _newer_than(since: float, sights: tuple[Sight, ...]) -> tuple[Sight, ...]:
    """The sights from `since` on, and the newest one before: what was true when the time began."""
    first = max((n for n, sight in enumerate(sights) if sight.at <= since), default=0)
    return sights[first:]
