"""What Prometheus reads of a worker: its places, its runs, what they heard and cost; docs/metrics.md names all."""

import math
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.errors import EngineMisconfiguredError, StorageMisconfiguredError
from shared.version import installed_version

_RUN_S: Final = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400)
_WAIT_S: Final = (0.05, 0.25, 1, 5, 15, 60, 300, 900, 1_800, 3_600, 14_400, 86_400)
_CALL_S: Final = (0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60)
_LAG_S: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)


class WorkerMetrics:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._runs = Histogram(
            "transcripts_run_seconds", "Time from claim to end of an attempt",
            ["engine", "outcome"], buckets=_RUN_S, registry=self._registry,
        )  # fmt: skip
        self._audio = Counter(
            "transcripts_audio_seconds", "Seconds of recordings that were transcribed", ["engine"],
            registry=self._registry,
        )  # fmt: skip
        self._money = Counter(
            "transcripts_spent_micro_dollars",
            "What succeeded attempts cost",
            ["engine"],
            registry=self._registry,
        )
        self._lag = Histogram(
            "transcripts_loop_lag_seconds",
            "How late the event loop was",
            buckets=_LAG_S,
            registry=self._registry,
        )
        self._waits = Histogram(
            "transcripts_wait_seconds", "Time from a job's place in the queue to its first claim",
            ["engine"], buckets=_WAIT_S, registry=self._registry,
        )  # fmt: skip
        self._phases = Histogram(
            "transcripts_phase_seconds", "Time that an attempt spent in a phase",
            ["engine", "phase"], buckets=_RUN_S, registry=self._registry,
        )  # fmt: skip
        self._failures = Counter(
            "transcripts_failures", "Attempts that ended with an error, by its code",
            ["engine", "code", "outcome"], registry=self._registry,
        )  # fmt: skip
        self._call_waits = Histogram(
            "transcripts_google_call_wait_seconds", "Time that a call to Google waited for its quota",
            ["location", "quota"], buckets=_CALL_S, registry=self._registry,
        )  # fmt: skip
        info = Gauge("transcripts_build_info", "1, with the version", ["version"], registry=self._registry)
        info.labels(installed_version()).set(1)

    def expect(self, engines: Iterable[str]) -> None:
        """Begin at 0 what alarms watch: the first of a counter that was not there before is no increase."""
        for engine in engines:
            for outcome in ("succeeded", "failed", "will_retry"):
                self._runs.labels(engine, outcome)
            for error in (EngineMisconfiguredError, StorageMisconfiguredError):
                self._failures.labels(engine, error.code, "failed")

    def run_ended(self, engine: str, outcome: str, seconds: float) -> None:
        """Note the end of an attempt: succeeded, failed, will_retry, handed_over or abandoned."""
        self._runs.labels(engine, outcome).observe(seconds)

    def saved(self, engine: str, audio_ms: int, micro_dollars: int) -> None:
        """Note what a succeeded attempt heard and cost."""
        self._audio.labels(engine).inc(audio_ms / 1000)
        self._money.labels(engine).inc(micro_dollars)

    def claimed(self, engine: str, waited_s: float) -> None:
        """Note how long a job waited for its first claim."""
        self._waits.labels(engine).observe(max(waited_s, 0.0))

    def phase_ended(self, engine: str, phase: str, seconds: float) -> None:
        """Note how long an attempt was in a phase."""
        self._phases.labels(engine, phase).observe(seconds)

    def went_wrong(self, engine: str, code: str, outcome: str) -> None:
        """Note an attempt that ended with an error: failed, or will_retry."""
        self._failures.labels(engine, code, outcome).inc()

    def google_waited(self, location: str, quota: str, seconds: float) -> None:
        """Note a call to Google, and how long it waited for its quota of `operations` or `batches`."""
        self._call_waits.labels(location, quota).observe(seconds)

    def lagged(self, seconds: float) -> None:
        """Note how much later than it wanted the event loop's watch woke up."""
        self._lag.observe(max(seconds, 0.0))

    def watch(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Have gauges read at each scrape: name without prefix, to description and reader."""
        for name, (description, read) in gauges.items():
            Gauge(f"transcripts_{name}", description, registry=self._registry).set_function(read)

    def watch_disk(self, what: str, folder: Path) -> None:
        """Have the space of the disk with `folder` read at each scrape; `what` is its label."""
        for name, description in (
            ("free", "Free space of the disk with a folder of ours"),
            ("size", "Size of that disk"),
        ):
            gauge = Gauge(f"transcripts_disk_{name}_bytes", description, ["what"], registry=self._registry)
            gauge.labels(what).set_function(partial(_space, folder, name))

    def count(self, counters: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Have counters that others keep read at each scrape; the same form."""
        self._registry.register(_Counters(counters))

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)


def _space(folder: Path, name: str) -> float:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:  # no scrape fails for a folder that is away
        return math.nan
    return float(usage.free if name == "free" else usage.total)


class _Counters(Collector):
    def __init__(self, counters: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self._counters = dict(counters)

    def collect(self) -> Iterable[Metric]:
        """The counters as they stand."""
        for name, (description, read) in self._counters.items():
            yield CounterMetricFamily(f"transcripts_{name}", description, value=read())
