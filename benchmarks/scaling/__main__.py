"""`python -m benchmarks.scaling`: waits, instance-hours and cost of ways to scale workers, over a simulated day."""

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.scaling.load import Day, Job
from benchmarks.scaling.plot import draw
from benchmarks.scaling.policies import Policy, by_cpu, by_need, fixed
from benchmarks.scaling.simulation import Course, Machine, simulate
from client.capacity.plan import HOURS_A_MONTH
from client.wording import span
from deploy.render.scaler.policy import Limits

_MOST: Final = 100  # Render's limit of instances of one service
_MARGIN: Final = 1.5  # of the plan for the busiest hour, as in docs/capacity.md
OURS: Final = "ours"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A day on machines of a size; `tuned_for` is what a job computed when somebody tuned the target of CPU."""

    name: str
    day: Day
    machine: Machine
    tuned_for: float = Machine(1).cpu_s


SCENARIOS: Final = (
    Scenario("100", Day(100), Machine(places=10)),
    Scenario("1000", Day(1_000), Machine(places=50)),
    Scenario("1000, shorter", Day(1_000), Machine(places=50, cpu_s=1.5)),
    Scenario("10000", Day(10_000), Machine(places=200, cores=2, dollars_a_month=85.0)),
)


def main() -> None:
    """Simulate, print the table, draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    take = parser.add_argument
    take("--only", choices=[each.name for each in SCENARIOS], help="one scenario alone")
    take(
        "--hold", type=float, default=720.0, metavar="S", help="seconds that a job holds a place, mean (720)"
    )
    take("--start", type=float, default=60.0, metavar="S", help="seconds until a new instance works (60)")
    take("--seed", type=int, default=1)
    take("--plot", type=Path, metavar="FILE.svg", help="draw the last scenario")
    options = parser.parse_args()
    began = time.perf_counter()
    names = (
        "jobs at once",
        "way",
        "wait p50",
        "p95",
        "max",
        "waited a minute",
        "handed over",
        "instance-hours",
    )
    print(f"| {' | '.join((*names, 'to ours', '$ a day'))} |")
    print("|---" * (len(names) + 2) + "|")
    for chosen in SCENARIOS:
        if options.only in {None, chosen.name}:
            day = replace(chosen.day, hold_s=options.hold, seed=options.seed)
            scenario = replace(chosen, day=day, machine=replace(chosen.machine, start_s=options.start))
            jobs = scenario.day.jobs()
            courses = run(scenario, jobs)
            for name, course in courses.items():
                print(row(scenario, name, course, courses[OURS]))
    if options.plot:
        options.plot.write_text(draw(courses, len(jobs)), encoding="utf-8")
        print(f"\nDrawn: {options.plot}")
    print(f"\n{time.perf_counter() - began:.1f} s")


def run(scenario: Scenario, jobs: list[Job]) -> dict[str, Course]:
    """Every way, over the same jobs."""
    day, machine = scenario.day, scenario.machine
    found = {}
    for name, (policy, first) in ways(scenario).items():
        found[name] = simulate(jobs, policy, machine, first=first, hold_s=day.hold_s)
    return found


def ways(scenario: Scenario) -> dict[str, tuple[Policy, int]]:
    """The ways to scale, and how many instances each starts with."""
    day, machine = scenario.day, scenario.machine
    planned = math.ceil(day.usual_peak * _MARGIN / machine.places)
    usual = max(math.ceil(day.usual_peak * 0.1 / machine.places), 1)
    limits = Limits(max_jobs=machine.places, least=1, most=_MOST)
    full = (
        scenario.tuned_for / day.hold_s * machine.places / machine.cores
    )  # an instance's CPU with all places taken
    return {
        f"fixed, {planned}": (fixed(planned), planned),
        "CPU at 70%": (by_cpu(0.7, least=1, most=_MOST), usual),
        f"CPU at {full * 0.8:.0%}, tuned": (by_cpu(full * 0.8, least=1, most=_MOST), usual),
        OURS: (by_need(limits), usual),
    }


def row(scenario: Scenario, name: str, course: Course, ours: Course) -> str:
    """A line of the table."""
    delays = sorted(course.delays)
    hours = course.instance_s / 3600
    late = sum(delay > 60 for delay in delays) / len(delays)
    cells = [
        scenario.name, name,
        *(wait(delays[min(int(len(delays) * share), len(delays) - 1)]) for share in (0.5, 0.95, 1)),
        f"{late:.1%}", f"{course.handed_over:,}", f"{hours:,.0f}", f"{course.instance_s / ours.instance_s:.2f}",
        f"{hours * scenario.machine.dollars_a_month / HOURS_A_MONTH:,.2f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def wait(seconds: float) -> str:
    """A wait for people."""
    return span(seconds) if seconds >= 0.05 else "0"


if __name__ == "__main__":
    main()
