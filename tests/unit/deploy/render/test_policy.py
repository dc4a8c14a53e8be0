"""How many instances there should be: examples, and what holds for every history."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.render.scaler.policy import Decision, Limits, Need, Sight, decide, instances_for

LIMITS = Limits(max_jobs=10, least=1, most=20, margin=1.0, quiet_s=300, most_up=5, most_down=2)


def need(running: int, due: int = 0, wanted: int | None = None) -> Need:
    return Need(running, due, running + due if wanted is None else wanted)


def test_there_are_places_for_all_that_runs_or_could() -> None:
    assert instances_for(need(18, 3), LIMITS) == 3
    assert instances_for(need(20), LIMITS) == 2
    assert instances_for(need(20), Limits(max_jobs=10, margin=1.2)) == 3
    assert instances_for(need(0, 100_000), LIMITS) == 20
    assert instances_for(need(0), LIMITS) == 1


def test_up_comes_at_once_in_steps() -> None:
    decision = decide(need(10, 90), 1, (), LIMITS, 0.0)
    assert decision.instances == 6
    assert decision.reason == "10 running and 90 due jobs want 100 places, 10 instances; 5 a step"


def test_down_comes_when_fewer_were_enough_for_long() -> None:
    decision = Decision(8, "", ())
    for now in range(0, 300, 30):
        decision = decide(need(15), decision.instances, decision.sights, LIMITS, now)
        assert decision.instances == 8
        assert f"watched for {now} of 300 s" in decision.reason
    found = []
    for now in (300, 330, 360, 390):
        decision = decide(need(15), decision.instances, decision.sights, LIMITS, now)
        found.append(decision.instances)
    assert found == [6, 4, 2, 2]


def test_a_peak_within_the_quiet_time_is_remembered() -> None:
    sights = tuple(Sight(float(now), 7 if now == 200 else 2) for now in range(0, 301, 50))
    assert decide(need(15), 7, sights, LIMITS, 310.0).instances == 7
    assert decide(need(15), 9, sights, LIMITS, 310.0).instances == 7


def test_what_was_not_seen_was_not_quiet() -> None:
    """An API that is away must not look like one without work."""
    decision = Decision(8, "", (Sight(0.0, 1), Sight(290.0, 1)))
    blind = decide(None, 8, decision.sights, LIMITS, 320.0)
    assert (blind.instances, blind.sights) == (8, ())
    assert decide(need(0), 8, blind.sights, LIMITS, 350.0).instances == 8


@pytest.mark.parametrize(
    "wrong",
    [{"max_jobs": 0}, {"least": 5, "most": 4}, {"margin": 0.9}, {"margin": math.nan}, {"quiet_s": -1}],
)  # fmt: skip
def test_limits_that_contradict_themselves_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Limits(**{"max_jobs": 10, **wrong})  # type: ignore[arg-type]


NEEDS = st.builds(need, st.integers(0, 3_000), st.integers(0, 3_000))
BOUNDS = st.builds(
    lambda least, more, max_jobs, margin, quiet, up, down: Limits(
        max_jobs, least, least + more, margin, quiet, up, down
    ),
    st.integers(1, 20), st.integers(0, 80), st.integers(1, 200), st.floats(1, 3), st.integers(0, 900),
    st.integers(1, 50), st.integers(1, 50),
)  # fmt: skip
HISTORIES = st.lists(st.tuples(st.floats(1, 400), NEEDS | st.none()), min_size=1, max_size=40)


@given(BOUNDS, HISTORIES, st.integers(1, 100))
def test_what_holds_for_every_history(
    limits: Limits, history: list[tuple[float, Need | None]], start: int
) -> None:
    """Within bounds and steps; down never below what runs, nor below any need of the quiet time; up without delay."""
    sights: tuple[Sight, ...] = ()
    current, now = start, 0.0
    seen: list[tuple[float, Need | None]] = []
    for gap, wants in history:
        now += gap
        decision = decide(wants, current, sights, limits, now)
        target, sights = decision.instances, decision.sights
        seen.append((now, wants))
        recent = [each for at, each in seen if at >= now - limits.quiet_s]
        assert decision.reason
        assert -limits.most_down <= target - current <= limits.most_up
        if wants is None:
            assert target == current
        elif target < current:
            assert None not in recent
            assert seen[0][0] <= now - limits.quiet_s
            assert target >= max(instances_for(each, limits) for each in recent if each)
            assert target >= min(math.ceil(wants.running / limits.max_jobs), limits.most)
        elif target > current:
            assert target <= instances_for(wants, limits) <= limits.most
        else:
            assert current >= instances_for(wants, limits)
        assert len(sights) <= len(seen)
        current = target


@given(BOUNDS, NEEDS, st.integers(1, 100))
def test_a_lasting_need_is_met_and_nothing_beyond_it(limits: Limits, wants: Need, start: int) -> None:
    """No oscillation: it arrives, and stays."""
    sights: tuple[Sight, ...] = ()
    current, met = start, instances_for(wants, limits)
    for n in range(101):
        decision = decide(wants, current, sights, limits, n * (limits.quiet_s + 1))
        assert abs(decision.instances - met) <= abs(current - met)
        current, sights = decision.instances, decision.sights
    assert current == met
