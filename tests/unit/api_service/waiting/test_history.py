"""When a job should end, told from how long others took."""

from datetime import UTC, datetime, timedelta

import pytest

from api_service.waiting.history import Pace, bucket, expected
from shared.lifecycle import JobStatus
from tests.fixtures.rows import a_job, a_session

STARTED = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
JOB = a_job(a_session(), status=JobStatus.RUNNING, started_at=STARTED, duration_ms=600_000)


def test_the_pace_times_the_length_from_the_start() -> None:
    """F16: lengths are divided by speed, not multiplied, and times have a zone."""
    eta = expected(JOB, Pace(0.1, 0.5), STARTED)
    assert eta is not None
    assert eta.p50 == STARTED + timedelta(seconds=61)
    assert eta.p90 == STARTED + timedelta(seconds=301)


def test_an_end_that_should_have_come_is_now() -> None:
    """F16: never in the past."""
    eta = expected(JOB, Pace(0.1, 0.5), STARTED + timedelta(seconds=120))
    assert eta is not None
    assert eta.p50 == STARTED + timedelta(seconds=121)
    assert eta.p90 == STARTED + timedelta(seconds=301)


@pytest.mark.parametrize(("ms", "kind"), [(1, 0), (1_000, 9), (60_000, 15), (3_600_000, 21)])
def test_recordings_of_a_kind_are_of_like_length(ms: int, kind: int) -> None:
    assert bucket(ms) == kind
