"""Waits between attempts: growing, jittered, bounded, and never shorter than Retry-After."""

import pytest

from shared.errors import EngineQuotaError, EngineUnavailableError
from worker_service.queue.backoff import wait_before


def wait(failures: int, error: Exception | None = None, *, base_s: float = 5.0) -> float:
    given = error if isinstance(error, EngineQuotaError) else EngineUnavailableError()
    return wait_before(failures, given, base_s=base_s).total_seconds()


@pytest.mark.parametrize(("failures", "longest"), [(0, 5), (1, 10), (2, 20), (5, 160), (20, 900)])
def test_waits_double_up_to_a_quarter_of_an_hour(failures: int, longest: float) -> None:
    for _ in range(100):
        assert longest / 2 <= wait(failures) <= longest


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    assert len({wait(3) for _ in range(50)}) > 40


def test_retry_after_is_honoured() -> None:
    """F8: the other side's word is a lower bound."""
    assert wait(0, EngineQuotaError(retry_after_s=60)) == 60
