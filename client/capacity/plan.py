"""Little's law: jobs in the system = arrivals x time in it. From that: places, workers, memory, money, waits.

workers = ceil(arrivals/s x duration x margin / max_jobs)
"""

import math
from dataclasses import dataclass
from typing import Any, Final

HOURS_A_MONTH: Final = 730
_TAIL: Final = 0.05  # one recording in twenty waits longer than `wait_p95_s`
_ROUNDING: Final = 1e-9  # 0.1 x 3 x 10 is a little more than 3


@dataclass(frozen=True, slots=True)
class Load:
    """What comes at the busiest time: recordings a second, and the seconds that each holds a place of a worker."""

    arrivals: float
    duration_s: float
    margin: float = 1.5

    @property
    def in_work(self) -> float:
        """Jobs that are being worked on at once, on average."""
        return self.arrivals * self.duration_s

    @property
    def places(self) -> int:
        """The places that this wants, margin included."""
        return math.ceil(self.in_work * self.margin - _ROUNDING)


@dataclass(frozen=True, slots=True)
class Engine:
    """What a worker of an engine takes, in MB of resident memory; measured, see docs/capacity.md.

    `children` are the processes that decode, `computing` those that hear; `held` is a job that waits for its engine.
    """

    name: str
    base_mb: float
    child_mb: float
    computing_mb: float = 0.0
    held_mb: float = 0.01
    dollars_a_minute: float = 0.0


ENGINES: Final = {
    each.name: each
    for each in (
        Engine("google", base_mb=105, child_mb=70, dollars_a_minute=0.016),
        Engine("local", base_mb=80, child_mb=70, computing_mb=600),
    )
}
MEDIA_JOBS: Final = 2  # the default of TRANSCRIPTS_MEDIA_JOBS


@dataclass(frozen=True, slots=True)
class Fleet:
    """Workers with so many places each, and what this load does on them."""

    load: Load
    engine: Engine
    max_jobs: int
    price: float = 25.0
    least: int = 1

    @property
    def workers(self) -> int:
        """How many are wanted."""
        wanted = self.load.in_work * self.load.margin / self.max_jobs
        return max(math.ceil(wanted - _ROUNDING), self.least)

    @property
    def capacity(self) -> int:
        """Their places together."""
        return self.workers * self.max_jobs

    @property
    def use(self) -> float:
        """The share of the places that is taken on average."""
        return self.load.in_work / self.capacity

    @property
    def most_an_hour(self) -> float:
        """Recordings an hour that keep every place busy all the time: the limit, not a plan."""
        return self.capacity / self.load.duration_s * 3600

    @property
    def memory_mb(self) -> int:
        """Resident memory of one worker with all its places taken."""
        computing = self.max_jobs * self.engine.computing_mb
        held = self.max_jobs * self.engine.held_mb
        return math.ceil(self.engine.base_mb + MEDIA_JOBS * self.engine.child_mb + computing + held)

    @property
    def dollars_a_month(self) -> float:
        """What the workers cost, whether there is work or not."""
        return self.workers * self.price

    @property
    def waits(self) -> float:
        """The share of recordings that find no free place (Erlang C)."""
        return erlang_c(self.load.in_work, self.capacity)

    @property
    def wait_p95_s(self) -> float:
        """One recording in twenty waits longer. Arrivals by chance, durations exponential: real ones vary less."""
        waits = self.waits
        if waits <= _TAIL:
            return 0.0
        spare = self.capacity / self.load.duration_s - self.load.arrivals
        return math.log(waits / _TAIL) / spare if spare > 0 else math.inf

    def as_json(self) -> dict[str, Any]:
        """Plain numbers."""
        wait = self.wait_p95_s
        return {
            "max_jobs": self.max_jobs,
            "workers": self.workers,
            "capacity": self.capacity,
            "utilisation": round(self.use, 4),
            "most_per_hour": round(self.most_an_hour, 1),
            "share_that_waits": round(self.waits, 6),
            "wait_p95_s": round(wait, 1) if math.isfinite(wait) else None,
            "memory_mb_per_worker": self.memory_mb,
            "dollars_per_month": round(self.dollars_a_month, 2),
        }


def erlang_c(in_work: float, places: int) -> float:
    """The chance to find all places taken, in a queue with this many jobs in work on average (M/M/c)."""
    if in_work >= places:
        return 1.0
    blocked = 1.0
    for n in range(1, places + 1):
        blocked = in_work * blocked / (n + in_work * blocked)
    return blocked / (1 - in_work / places * (1 - blocked))


def guide_workers(concurrent: float, margin: float = 1.5) -> tuple[int, int]:
    """Workers and places each by the formula of the older guide, to compare: it rounds down, and knows no duration."""
    required = concurrent * margin
    workers = int(max(2, required // 4))
    return workers, int(min(4, required // workers))
