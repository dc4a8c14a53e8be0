"""Little's law against the older guide's formula, and against a queue that is played through."""

import heapq
import math
import random
import re
from pathlib import Path

import pytest

from client.capacity import scenarios
from client.capacity.plan import ENGINES, Fleet, Load, erlang_c, guide_workers

GOOGLE = ENGINES["google"]
DOCUMENT = Path(__file__).parents[4] / "docs" / "capacity.md"


@pytest.mark.parametrize(
    ("per_hour", "minutes", "margin", "max_jobs", "workers"),
    [
        (100, 3.5, 1.5, 4, 3),  # 5.83 in work, 8.75 places
        (100 / 3.5 * 60, 3.5, 1.5, 4, 38),  # the guide's example: 150 places, and it planned 148
        (60, 1, 1, 1, 1),  # exactly full is enough without a margin
        (60, 1.0001, 1, 1, 2),
        (0.1 * 3600, 10 / 60, 3, 3, 1),  # 0.1 x 10 x 3 is a little more than 3 in floating point
        (1, 1, 1, 1000, 1),
    ],
)
def test_workers_are_arrivals_by_duration_by_margin(
    per_hour: float, minutes: float, margin: float, max_jobs: int, workers: int
) -> None:
    fleet = Fleet(Load(per_hour / 3600, minutes * 60, margin), GOOGLE, max_jobs)
    assert fleet.workers == workers
    assert fleet.capacity >= fleet.load.in_work * margin - 1e-6


def test_the_older_formula_plans_too_few_places() -> None:
    """Its floors lose up to three places: 37 x 4 = 148 for a need of 150."""
    assert guide_workers(100) == (37, 4)
    short = [n for n in range(10, 1001) if math.prod(guide_workers(n)) < n * 1.5]
    assert len(short) > 800
    for n in range(10, 1001):
        load = Load(n / 210, 210)
        assert Fleet(load, GOOGLE, 4).capacity >= load.places >= n * 1.5 - 1e-6


def test_there_are_never_fewer_workers_than_asked_for() -> None:
    assert Fleet(Load(1 / 3600, 60), GOOGLE, 4, least=2).workers == 2


@pytest.mark.parametrize(
    ("in_work", "places", "chance"), [(2, 3, 4 / 9), (0.5, 1, 0.5), (10, 10, 1.0), (0, 4, 0.0)]
)
def test_the_chance_to_wait_is_erlang_s(in_work: float, places: int, chance: float) -> None:
    assert erlang_c(in_work, places) == pytest.approx(chance)


def test_waits_are_those_of_a_queue_that_is_played_through() -> None:
    """60,000 recordings that come by chance, each in work for some four minutes, on six places."""
    chance = random.Random(7)  # noqa: S311
    load = Load(arrivals=60 / 3600, duration_s=240, margin=1.0)
    fleet = Fleet(load, GOOGLE, 6)
    free, now, waits = [0.0] * fleet.capacity, 0.0, []
    for _ in range(60_000):
        now += chance.expovariate(load.arrivals)
        start = max(now, heapq.heappop(free))
        waits.append(start - now)
        heapq.heappush(free, start + chance.expovariate(1 / load.duration_s))
    waits.sort()
    assert sum(wait > 0 for wait in waits) / len(waits) == pytest.approx(fleet.waits, abs=0.03)
    assert waits[int(len(waits) * 0.95)] == pytest.approx(fleet.wait_p95_s, rel=0.1)


def test_memory_grows_with_what_computes_and_hardly_with_what_waits() -> None:
    load = Load(1, 60)
    held = [Fleet(load, GOOGLE, jobs).memory_mb for jobs in (1, 1000)]
    assert held[1] - held[0] <= 10
    computing = [Fleet(load, ENGINES["local"], jobs).memory_mb for jobs in (1, 2)]
    assert computing[1] - computing[0] == 600


def test_a_fleet_that_cannot_keep_up_waits_for_ever() -> None:
    full = Fleet(Load(1, 60, margin=1.0), GOOGLE, 60)
    assert full.use == 1.0
    assert math.isinf(full.wait_p95_s)
    assert full.as_json()["wait_p95_s"] is None


def test_the_document_shows_the_tables_as_they_are_computed() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for table in scenarios.tables():
        assert table.markdown() in text, f"{table.title}: transcripts plan-capacity --scenarios --markdown"


def test_every_make_target_of_the_tables_is_there() -> None:
    makefile = (DOCUMENT.parents[1] / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"make ([a-z-]+)", "".join(table.markdown() for table in scenarios.tables())))
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target
