"""What is seen of one attempt from outside: its span, its line in the log, and how long its phases took."""

import time
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from shared.lifecycle import Phase
from shared.observation import telemetry
from shared.observation.logs import bind
from shared.observation.spans import Enter
from shared.records import JobRecord
from worker_service.observation.metrics import WorkerMetrics

_SPANS: Final = {
    Phase.PREPARING: "prepare",
    Phase.UPLOADING: "upload",
    Phase.SUBMITTING: "submit",
    Phase.TRANSCRIBING: "follow",
    Phase.SAVING: "save",
}


class Observation:
    """A context manager around an attempt; `outcome` is to be set before it ends, and `handed_over` until then."""

    def __init__(self, job: JobRecord, metrics: WorkerMetrics) -> None:
        self.outcome = "handed_over"
        self._job = job
        self._metrics = metrics
        self._kept = ExitStack()
        self._began = time.monotonic()
        self._enter_phase: Enter = lambda _: None
        self._phase: Phase | None = None
        self._phase_began = self._began

    def __enter__(self) -> Self:
        job = self._job
        waited_s = (job.updated_at - job.queued_at).total_seconds()  # both by Postgres's clock
        self._enter_phase = self._kept.enter_context(
            telemetry.attempt(job.id, job.attempt, job.traceparent, engine=job.engine, waited_s=waited_s)
        )
        if job.attempt == 1:
            self._metrics.claimed(job.engine, waited_s)
        trace_id = telemetry.trace_id_of(telemetry.traceparent() or job.traceparent)
        known = {"request_id": job.request_id, "trace_id": trace_id}
        bind(
            job_id=str(job.id),
            attempt=job.attempt,
            **{name: value for name, value in known.items() if value},
        )
        return self

    def entered(self, phase: Phase) -> None:
        """The attempt is in this phase now."""
        self._phase_ended()
        self._phase = phase
        self._enter_phase(_SPANS[phase])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._phase_ended()
        telemetry.annotate(outcome=self.outcome)
        self._kept.__exit__(kind, error, trace)
        self._metrics.run_ended(self._job.engine, self.outcome, time.monotonic() - self._began)

    def _phase_ended(self) -> None:
        now = time.monotonic()
        if self._phase is not None:
            self._metrics.phase_ended(self._job.engine, self._phase, now - self._phase_began)
        self._phase_began = now
