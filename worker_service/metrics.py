"""What Prometheus reads of a worker: its places, its runs, what they heard and cost; docs/metrics.md names all."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.version import installed_version

_RUN_S: Final = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400)
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
        info = Gauge("transcripts_build_info", "1, with the version", ["version"], registry=self._registry)
        info.labels(installed_version()).set(1)

    def run_ended(self, engine: str, outcome: str, seconds: float) -> None:
        """Note the end of an attempt: succeeded, failed, will_retry, handed_over or abandoned."""
        self._runs.labels(engine, outcome).observe(seconds)

    def saved(self, engine: str, audio_ms: int, micro_dollars: int) -> None:
        """Note what a succeeded attempt heard and cost."""
        self._audio.labels(engine).inc(audio_ms / 1000)
        self._money.labels(engine).inc(micro_dollars)

    def lagged(self, seconds: float) -> None:
        """Note how much later than it wanted the event loop's watch woke up."""
        self._lag.observe(max(seconds, 0.0))

    def watch(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Have gauges read at each scrape: name without prefix, to description and reader."""
        for name, (description, read) in gauges.items():
            Gauge(f"transcripts_{name}", description, registry=self._registry).set_function(read)

    def count(self, counters: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Have counters that others keep read at each scrape; the same form."""
        self._registry.register(_Counters(counters))

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)


class _Counters(Collector):
    def __init__(self, counters: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self._counters = dict(counters)

    def collect(self) -> Iterable[Metric]:
        """The counters as they stand."""
        for name, (description, read) in self._counters.items():
            yield CounterMetricFamily(f"transcripts_{name}", description, value=read())
