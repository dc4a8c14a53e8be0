"""The tables of the older guide, computed anew; docs/capacity.md shows them, and a test compares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from client.capacity.plan import ENGINES, Fleet, Load, guide_workers
from client.wording import span

DURATION_S: Final = 3.5 * 60  # the guide's average transcription
_GOOGLE: Final = ENGINES["google"]


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of texts; the first row of `rows` follows the head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """As Markdown."""
        lines = [self.head, tuple("---" for _ in self.head), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the way to production: what stands there, and how it is started."""

    name: str
    command: str
    workers: int
    max_jobs: int


DEVELOPMENT: Final = (
    ("Debugging", "one job at a time, every line logged", "make run-worker-debug", 1),
    ("Development", "parallel work, readable logs", "make run-worker", 2),
    ("Integration testing", "jobs that meet each other", "MAX_JOBS=3 make run-worker", 3),
    ("Performance testing", "`transcripts load-test`", "MAX_JOBS=4 make run-worker", 4),
)
PATH: Final = (
    Stage("Local dev", "make run-worker", 1, 2),
    Stage("Integration", "MAX_JOBS=4 make run-worker", 1, 4),
    Stage("Staging", "1 worker, MAX_JOBS=4", 1, 4),
    Stage("Production", "3 workers, MAX_JOBS=3", 3, 3),
    Stage("Scale up", "5 workers, MAX_JOBS=3", 5, 3),
)
OURS: Final = (
    Stage("Local dev", "make up", 1, 2),
    Stage("Integration", "MAX_JOBS=4 make run-worker", 1, 4),
    Stage("Staging", "1 worker, MAX_JOBS=20", 1, 20),
    Stage("Production", "2 workers, MAX_JOBS=50", 2, 50),
    Stage("Scale up", "3 workers, MAX_JOBS=200", 3, 200),
)
CROWDS: Final = (10, 25, 50, 100, 250, 1000)


def development() -> Table:
    """Places for each kind of work at one's own machine."""
    rows = tuple((name, str(jobs), what, f"`{command}`") for name, what, command, jobs in DEVELOPMENT)
    return Table("Development", ("scenario", "max_jobs", "for", "command"), rows)


def path(stages: Sequence[Stage], title: str) -> Table:
    """What each stage carries: recordings an hour with the margin, and at the very most."""
    rows = []
    for stage in stages:
        places = stage.workers * stage.max_jobs
        fleet = Fleet(Load(1, DURATION_S), _GOOGLE, stage.max_jobs)
        most = places / DURATION_S * 3600
        rows.append(
            (
                stage.name,
                f"{stage.workers} x {stage.max_jobs} = {places}",
                f"`{stage.command}`" if "make" in stage.command else stage.command,
                f"{most / 1.5:.0f}",
                f"{most:.0f}",
                f"{fleet.memory_mb} MB",
            )
        )
    head = (
        "stage",
        "workers x max_jobs",
        "how",
        "recordings an hour, margin 1.5",
        "at the most",
        "memory a worker",
    )
    return Table(title, head, tuple(rows))


def crowds() -> Table:
    """The guide's formula beside Little's law, for recordings that are in work at the same time."""
    rows = []
    for concurrent in CROWDS:
        workers, each = guide_workers(concurrent)
        load = Load(concurrent / DURATION_S, DURATION_S)
        ours, many = Fleet(load, _GOOGLE, 4), Fleet(load, _GOOGLE, 50, least=2)
        short = load.places - workers * each
        rows.append(
            (
                str(concurrent),
                str(load.places),
                f"{workers} x {each} = {workers * each}" + (f", {short} short" if short > 0 else ""),
                f"{ours.workers} x 4 = {ours.capacity}",
                f"{many.workers} x 50 = {many.capacity}",
            )
        )
    head = (
        "in work at once",
        "places wanted",
        "the guide's formula",
        "Little, max_jobs 4",
        "Little, max_jobs 50",
    )
    return Table("The guide's formula and Little's law", head, tuple(rows))


def durations() -> Table:
    """What the guide's formula does not see: the same 100 recordings an hour, of other lengths."""
    rows = []
    workers, each = guide_workers(100)
    for minutes in (1.0, 3.5, 12.0, 60.0):
        load = Load(100 / 3600, minutes * 60)
        fleet = Fleet(load, _GOOGLE, 4)
        waits = f"{fleet.waits:.1%}, p95 {span(fleet.wait_p95_s) if fleet.wait_p95_s else '0'}"
        rows.append(
            (
                f"{minutes:g} min",
                f"{load.in_work:.1f}",
                f"{workers} x {each}",
                f"{fleet.workers} x 4 = {fleet.capacity}",
                waits,
            )
        )
    head = (
        "each takes",
        "in work at once",
        "the guide, for 100 users",
        "Little, max_jobs 4",
        "share that waits",
    )
    return Table("100 recordings an hour", head, tuple(rows))


def tables() -> tuple[Table, ...]:
    """All of them, in the order of the document."""
    return (
        development(),
        path(PATH, "The guide's scaling path, recomputed"),
        path(OURS, "The scaling path here"),
        crowds(),
        durations(),
    )
