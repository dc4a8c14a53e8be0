"""A day on instances that come and go: discrete events, places as a pool, first come first served.

Stopping an instance hands its jobs over: they wait for a place, while a cloud service works on. A job's delay is by how
much its end came later than with a place at once: a wait before its start, after a handover, or both.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from benchmarks.scaling.load import DAY_S, Job
from benchmarks.scaling.policies import TICK_S, Policy, State

_DRAWN_EVERY: Final = 8  # ticks


@dataclass(frozen=True, slots=True)
class Machine:
    """An instance: its places, its processors, what a job computes on them, and how long it takes to start."""

    places: int
    cores: int = 1
    cpu_s: float = 3.9
    """Seconds of a processor for a job: decoding 50 minutes, at 14 s for three hours (docs/benchmarks.md)."""
    start_s: float = 60.0
    dollars_a_month: float = 25.0


@dataclass(slots=True)
class Course:
    """What became of the day."""

    delays: list[float] = field(default_factory=list)
    instance_s: float = 0.0
    most: int = 0
    handed_over: int = 0
    drawn: list[tuple[float, int, int, int]] = field(default_factory=list)
    """Time, jobs that run, jobs that wait, places there are."""


class Fleet:
    """Instances by the time from which they work; they are paid from the moment they are asked for."""

    def __init__(self, machine: Machine, instances: int) -> None:
        self._machine = machine
        self._ready = [0.0] * instances

    def __len__(self) -> int:
        return len(self._ready)

    def places(self, now: float) -> int:
        """Places of those that have started."""
        return sum(at <= now for at in self._ready) * self._machine.places

    def resize(self, instances: int, now: float) -> None:
        """More start now; of fewer the newest go."""
        if instances < len(self._ready):
            del self._ready[instances:]
        self._ready += [now + self._machine.start_s] * (instances - len(self._ready))


def simulate(jobs: list[Job], policy: Policy, machine: Machine, *, first: int, hold_s: float) -> Course:
    """Run the jobs with `first` instances at the start; ends when the day and its last job have."""
    course, fleet = Course(), Fleet(machine, first)
    running: list[tuple[float, float]] = []  # a heap: when it ends, when it should have
    waiting: deque[tuple[float, float, float]] = (
        deque()
    )  # when it may end, when it should have, how long it takes
    share = machine.cpu_s / hold_s / machine.cores  # of an instance, for a job that runs
    n = tick = 0
    while tick * TICK_S < DAY_S or running or waiting or n < len(jobs):
        now = tick * TICK_S
        places = fleet.places(now)
        _hand_over(running, waiting, places, course)
        n = _pass(jobs, n, now, TICK_S, places, running, waiting, course)
        after = now + TICK_S
        use = min(len(running) * machine.places * share / max(places, 1), 1.0)
        state = State(after, len(running), len(waiting), len(fleet), use)
        course.instance_s += len(fleet) * TICK_S
        course.most = max(course.most, len(running) + len(waiting))
        if tick % _DRAWN_EVERY == 0:
            course.drawn.append((now, len(running), len(waiting), places))
        fleet.resize(policy(state), after)
        tick += 1
    return course


def _pass(
    jobs: list[Job],
    n: int,
    now: float,
    seconds: float,
    places: int,
    running: list[tuple[float, float]],
    waiting: deque[tuple[float, float, float]],
    course: Course,
) -> int:
    """Let the time until the next tick pass with this many places; returns the number of the next job to come."""
    until = now + seconds
    _fill(now, places, running, waiting)
    while True:
        comes = jobs[n].comes if n < len(jobs) else until
        ends = running[0][0] if running else until
        if min(comes, ends) >= until:
            return n
        if ends <= comes:
            end, should = heapq.heappop(running)
            course.delays.append(end - should)
            _fill(end, places, running, waiting)
        else:
            job = jobs[n]
            n += 1
            waiting.append((0.0, comes + job.holds, job.holds))
            _fill(comes, places, running, waiting)


def _fill(
    now: float, places: int, running: list[tuple[float, float]], waiting: deque[tuple[float, float, float]]
) -> None:
    while waiting and len(running) < places:
        earliest, should, holds = waiting.popleft()
        # One that was handed over has gone on elsewhere, and ends at once where that is over; a new one begins now.
        heapq.heappush(running, (max(earliest, now) if earliest else now + holds, should))


def _hand_over(
    running: list[tuple[float, float]],
    waiting: deque[tuple[float, float, float]],
    places: int,
    course: Course,
) -> None:
    """What has no place any more waits before all others."""
    while len(running) > places:
        end, should = running.pop()  # the last of a heap: any job, and what is left is a heap
        waiting.appendleft((end, should, 0.0))
        course.handed_over += 1
