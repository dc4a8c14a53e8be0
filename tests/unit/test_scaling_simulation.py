"""The simulation that docs/scaling.md quotes: nothing is lost in it, and it says what queueing theory says."""

import pytest

from benchmarks.scaling.__main__ import OURS, SCENARIOS, run
from benchmarks.scaling.load import DAY_S, Day, Job
from benchmarks.scaling.plot import draw
from benchmarks.scaling.policies import TICK_S, State, by_cpu, fixed
from benchmarks.scaling.simulation import Machine, simulate

ONE = Machine(places=1, start_s=0)


def delays(jobs: list[Job], instances: int) -> list[float]:
    return simulate(jobs, fixed(instances), ONE, first=instances, hold_s=100).delays


def test_a_day_is_the_same_for_the_same_seed_and_holds_as_many_jobs_as_asked() -> None:
    day = Day(50)
    jobs = day.jobs()
    assert jobs == Day(50).jobs() != Day(50, seed=2).jobs()
    assert all(0 <= job.comes < DAY_S for job in jobs)
    assert sum(job.holds for job in jobs) / len(jobs) == pytest.approx(720, rel=0.1)
    course = simulate(jobs, fixed(10), Machine(places=1_000), first=10, hold_s=720)
    assert 35 <= course.most <= 75
    assert (len(course.delays), max(course.delays)) == (len(jobs), 0)


def test_who_finds_no_place_waits_for_the_first_that_is_freed() -> None:
    jobs = [Job(0, 100), Job(10, 100), Job(20, 10)]
    assert delays(jobs, 1) == [0, 90, 180]
    assert sorted(delays(jobs, 2)) == [0, 0, 80]
    assert delays(jobs, 3) == [0, 0, 0]


def test_what_is_handed_over_goes_on_elsewhere_and_ends_when_it_has_a_place() -> None:
    """Two instances until 150 s, one afterwards: the job without one ends when the other's place is free."""
    jobs = [Job(0, 400), Job(0, 200)]

    def fewer(state: State) -> int:
        return 2 if state.now < 150 else 1

    course = simulate(jobs, fewer, ONE, first=2, hold_s=300)
    assert course.handed_over == 1
    assert sorted(course.delays) in ([0, 0], [0, 200])  # which of the two loses its place is chance


def test_instances_are_paid_from_the_moment_they_are_asked_for_and_work_later() -> None:
    slow = Machine(places=1, start_s=60)
    course = simulate([Job(0, 30), Job(0, 30)], fixed(2), slow, first=1, hold_s=30)
    assert course.delays == [0, 30]
    assert course.instance_s == pytest.approx(DAY_S * 2 - TICK_S)
    assert [places for *_, places in course.drawn[:1]] == [1]


def test_cpu_says_nothing_of_what_waits() -> None:
    decide = by_cpu(0.7, least=1, most=9)
    busy = [decide(State(n * TICK_S, 50, 10_000, 1, 0.27)) for n in range(100)]
    assert busy == [1] * 100
    assert by_cpu(0.2, least=1, most=9)(State(0, 50, 0, 3, 0.27)) == 5


def test_ours_waits_little_and_costs_less_than_a_plan() -> None:
    """What the page claims, on the smallest of its days."""
    courses = run(SCENARIOS[0], SCENARIOS[0].day.jobs())
    planned, at_70, _tuned, ours = courses.values()
    assert list(courses)[-1] == OURS
    assert sorted(ours.delays)[int(len(ours.delays) * 0.95)] < 1
    assert max(ours.delays) < 120
    assert ours.handed_over == 0
    assert ours.instance_s < planned.instance_s / 2
    assert max(at_70.delays) > 3_600
    assert draw(courses, len(ours.delays)).count("<polyline") == 2 * len(courses)
