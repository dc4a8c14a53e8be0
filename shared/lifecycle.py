"""The states of a job and the only transitions between them; standard library only."""

from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Phase(StrEnum):
    """What a running job is doing, in the order in which it happens."""

    PREPARING = "preparing"
    UPLOADING = "uploading"
    SUBMITTING = "submitting"
    TRANSCRIBING = "transcribing"
    SAVING = "saving"


class Priority(StrEnum):
    """How soon a job is taken; the order of the members is the order of service."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Processing(StrEnum):
    """How a paid engine is asked to work: at once, or cheaper within a day."""

    STANDARD = "standard"
    ECONOMY = "economy"


class Outcome(StrEnum):
    """How something that may have cost money ended, as far as we are concerned."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # the engine said no: there never was one
    MISSING = "missing"  # looked for, and never started


TERMINAL: Final = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})
ACTIVE: Final = frozenset(JobStatus) - TERMINAL
RETRYABLE: Final = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})

TRANSITIONS: Final[dict[JobStatus, frozenset[JobStatus]]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.FAILED}),
    JobStatus.RUNNING: frozenset(
        {
            JobStatus.SUCCEEDED,
            JobStatus.FAILED,
            JobStatus.CANCELLED,
            JobStatus.QUEUED,  # a transient error, a handover, or a lost lease
            JobStatus.RUNNING,  # another worker claims what a dead one left: the attempt tells them apart
        }
    ),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


def sources(target: JobStatus) -> tuple[JobStatus, ...]:
    """The statuses from which `target` may be reached, in the enum's order.

    Every UPDATE of a job's status names them in its WHERE clause, so two writers cannot both win.
    """
    return tuple(status for status in JobStatus if target in TRANSITIONS[status])


def may_become(current: JobStatus, target: JobStatus) -> bool:
    """Whether a job in `current` may move to `target`."""
    return target in TRANSITIONS[current]
