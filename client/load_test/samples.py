"""What a load test measured: one sample a recording, and what they say together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

PHASES: Final = ("upload", "wait", "run", "total")
QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording's way, in seconds; what it has not come to is None.

    `upload` is measured here, from the first byte to the answer; `wait` and `run` are the service's own times, so the
    pace of polling is in none of them. `began` is the start of the upload by the service's clock.
    """

    n: int
    upload: float | None = None
    wait: float | None = None
    run: float | None = None
    began: datetime | None = None
    ended: datetime | None = None
    status: str = "refused"
    error: str | None = None
    audio_s: float = 0.0

    @property
    def good(self) -> bool:
        """Whether there is a transcript."""
        return self.status == "succeeded"

    @property
    def total(self) -> float | None:
        """From the first byte sent to the transcript."""
        if self.upload is None or self.wait is None or self.run is None:
            return None
        return self.upload + self.wait + self.run


@dataclass(frozen=True, slots=True)
class Summary:
    """What the samples say together; times in seconds."""

    tasks: int
    successful: int
    failed: int
    total_s: float
    audio_s: float
    errors: dict[str, int]
    quantiles: dict[str, dict[str, float]]

    @property
    def average_s(self) -> float:
        """The whole time shared among the tasks, as the older guide's script told it."""
        return self.total_s / self.tasks if self.tasks else 0.0

    @property
    def per_minute(self) -> float:
        """Successful tasks a minute."""
        return self.successful / self.total_s * 60 if self.total_s else 0.0

    @property
    def speed(self) -> float:
        """Seconds of recording transcribed in a second."""
        return self.audio_s / self.total_s if self.total_s else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain lists and dicts."""
        return {
            "total_tasks": self.tasks,
            "successful": self.successful,
            "failed": self.failed,
            "total_time_s": self.total_s,
            "average_time_per_task_s": self.average_s,
            "tasks_per_minute": self.per_minute,
            "times_realtime": self.speed,
            "errors": self.errors,
            "seconds": self.quantiles,
        }


def summarise(samples: Sequence[Sample]) -> Summary:
    """What the samples say together; the percentiles are of those that succeeded."""
    good = [sample for sample in samples if sample.good]
    errors: dict[str, int] = {}
    for sample in samples:
        if not sample.good:
            code = sample.error or sample.status
            errors[code] = errors.get(code, 0) + 1
    return Summary(
        tasks=len(samples),
        successful=len(good),
        failed=len(samples) - len(good),
        total_s=_whole(samples),
        audio_s=sum(sample.audio_s for sample in good),
        errors=errors,
        quantiles={
            phase: _quantiles([getattr(sample, phase) for sample in good]) for phase in PHASES if good
        },
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share does not exceed (nearest rank)."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    found = {name: quantile(ordered, share) for name, share in QUANTILES.items()}
    return {"min": ordered[0], **found, "max": ordered[-1]}


def _whole(samples: Sequence[Sample]) -> float:
    """From the first byte of the first one to the end of the last one."""
    begins = [sample.began for sample in samples if sample.began]
    ends = [sample.ended for sample in samples if sample.ended]
    return (max(ends) - min(begins)).total_seconds() if begins and ends else 0.0
