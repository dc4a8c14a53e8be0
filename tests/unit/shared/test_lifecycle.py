"""The state machine, whole: what may follow what."""

import itertools

import pytest

from shared.lifecycle import ACTIVE, TERMINAL, TRANSITIONS, JobStatus, may_become, sources


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(JobStatus)
    assert set(JobStatus) == TERMINAL | ACTIVE
    assert not TERMINAL & ACTIVE


@pytest.mark.parametrize(("final", "target"), list(itertools.product(sorted(TERMINAL), JobStatus)))
def test_terminal_states_are_final(final: JobStatus, target: JobStatus) -> None:
    """F12: a late result cannot overwrite a cancelled job."""
    assert not may_become(final, target)


@pytest.mark.parametrize("active", sorted(ACTIVE))
def test_every_active_state_can_be_cancelled_and_can_fail(active: JobStatus) -> None:
    """F12, F13."""
    assert may_become(active, JobStatus.CANCELLED)
    assert may_become(active, JobStatus.FAILED)


def test_sources_are_the_transitions_read_backwards() -> None:
    for current, target in itertools.product(JobStatus, JobStatus):
        assert (current in sources(target)) == may_become(current, target)
