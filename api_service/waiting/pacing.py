"""When to look at a job again: seldom while its end is far, soon when it may be near (Retry-After)."""

from datetime import datetime
from typing import Final

from shared.lifecycle import JobStatus
from shared.schemas.jobs import JobResource

_LEAST_S: Final = 2
_MOST_S: Final = 240
_COARSE: Final = 26  # per cent: the widest step in which an engine tells its progress
_SPREADS: Final = 2.0
_OF_ITS_AGE: Final = 1 / 12
_HELD_S: Final = (
    60  # a request that is held for so long sees every end: a shorter pause would cost more of them
)


def look_again_s(job: JobResource, now: datetime) -> int:
    """The seconds after which a look is worth its while; an end before that is unlikely (one in twenty at most).

    Of a job that tells nothing and is like no other, looks become seldomer with its age: its end is seen a twelfth
    of its time late at most.
    """
    if job.next_attempt_at is not None:
        return _bounded((job.next_attempt_at - now).total_seconds())
    if job.status is not JobStatus.RUNNING:
        return _LEAST_S
    if job.eta is None and not job.progress:
        pause = _age_s(job, now) * _OF_ITS_AGE
        return _bounded(pause if pause >= _HELD_S else 0.0)
    return _bounded(max(_by_history(job, now), _by_progress(job, now)))


def _age_s(job: JobResource, now: datetime) -> float:
    return (now - job.started_at).total_seconds() if job.started_at else 0.0


def _by_history(job: JobResource, now: datetime) -> float:
    """Until the earliest end to expect: the median of jobs like it, less twice its distance to the ninth tenth."""
    if job.eta is None:
        return 0.0
    median, spread = job.eta.p50, job.eta.p90 - job.eta.p50
    return (median - _SPREADS * spread - now).total_seconds()


def _by_progress(job: JobResource, now: datetime) -> float:
    """Half of what is left if the next step is about to be told; engines tell some 26, 52, 78 per cent."""
    at_most = job.progress + _COARSE
    if not job.progress or at_most >= 100:
        return 0.0
    return _age_s(job, now) * (100 - at_most) / at_most * 0.75


def _bounded(seconds: float) -> int:
    return round(min(max(seconds, _LEAST_S), _MOST_S))
