"""Traces with OpenTelemetry's SDK, sent in batches by a thread of its own; loaded where a collector is set.

Spans are made by hand at our own boundaries. Instrumentation packages patch clients that carry money and secrets, and
record addresses and errors as they come.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import Final
from uuid import UUID

from asyncpg.connection import LoggedQuery
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.observation.spans import Enter, Value
from shared.settings.observation import Observation
from shared.version import installed_version

_GOODBYE_S: Final = 1.0  # of the ten seconds that platforms grant a stopping process
_MOST_STATEMENT: Final = 300
_HIDDEN: Final = "[hidden]"
_FAILED: Final = Status(StatusCode.ERROR)
_HEADER: Final = TraceContextTextMapPropagator()

_next_ids: ContextVar[tuple[int, int] | None] = ContextVar("next_ids", default=None)


class OpenTelemetry:
    """`shared.observation.spans.Tracing`, for one process."""

    def __init__(self, settings: Observation, service: str) -> None:
        """FastAPI traces its requests with the same provider, which is made the process's."""
        _tell_the_sdk(settings)
        self._provider = TracerProvider(
            resource=Resource.create(
                {
                    "service.namespace": "coaching-transcripts",
                    "service.name": os.environ.get("OTEL_SERVICE_NAME", f"transcripts-{service}"),
                    "service.version": installed_version(),
                }
            ),
            id_generator=_Ids(),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(_Discretion())
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(self._provider)
        self._tracer = self._provider.get_tracer("coaching-transcripts", installed_version())

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[None]:
        """A call to another system; none where nothing is current: loops would make a trace every second."""
        if not trace.get_current_span().is_recording():
            yield
            return
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        with _current(span):
            yield

    @contextmanager
    def attempt(
        self, job_id: UUID, number: int, traceparent: str | None, attributes: Mapping[str, Value]
    ) -> Iterator[Enter]:
        """Its ids follow from the job's, so that a later attempt links to it without asking anybody."""
        parent = _HEADER.extract({"traceparent": traceparent} if traceparent else {}, context=Context())
        trace_id = trace.get_current_span(parent).get_span_context().trace_id or _number(f"{job_id}", 16)
        first = SpanContext(trace_id, _number(f"{job_id}/1", 8), is_remote=True, trace_flags=TraceFlags(1))
        ids = _next_ids.set((trace_id, _number(f"{job_id}/{number}", 8)))
        span = self._tracer.start_span(
            "attempt", context=parent, kind=SpanKind.CONSUMER,
            attributes={"job.id": str(job_id), "job.attempt": number, **attributes},
            links=[Link(first, {"link": "first attempt"})] if number > 1 else [],
        )  # fmt: skip
        _next_ids.reset(ids)
        phases = _Phases(self._tracer, span)
        with _current(span):
            try:
                yield phases.enter
            finally:
                phases.end()

    @contextmanager
    def continued(self, name: str, traceparent: str, attributes: Mapping[str, Value]) -> Iterator[None]:
        """A call to another system, by what has no span above it any more."""
        parent = _HEADER.extract({"traceparent": traceparent}, context=Context())
        span = self._tracer.start_span(name, context=parent, kind=SpanKind.CLIENT, attributes=attributes)
        with _current(span):
            yield

    def annotate(self, attributes: Mapping[str, Value]) -> None:
        """Add to the span that is current; an `error.type` marks it as failed."""
        span = trace.get_current_span()
        span.set_attributes(attributes)
        if "error.type" in attributes:
            span.set_status(_FAILED)

    def traceparent(self) -> str | None:
        """The span that is current, as W3C's header."""
        carrier: dict[str, str] = {}
        _HEADER.inject(carrier)
        return carrier.get("traceparent")

    def ids(self) -> tuple[str, str] | None:
        """The trace and the span that is current, in hex."""
        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return None
        return trace.format_trace_id(current.trace_id), trace.format_span_id(current.span_id)

    def statement_ended(self, record: object) -> None:
        """A span for a statement that has ended, its text with `$1` where the values were."""
        if not (isinstance(record, LoggedQuery) and trace.get_current_span().is_recording()):
            return
        text = " ".join(record.query.split())
        word = text.partition(" ")[0].rstrip(";").upper()
        now = time.time_ns()
        span = self._tracer.start_span(
            f"postgres {word}", kind=SpanKind.CLIENT, start_time=now - int(record.elapsed * 1e9),
            attributes={"db.system.name": "postgresql", "db.query.text": text[:_MOST_STATEMENT]},
        )  # fmt: skip
        if record.exception is not None:
            span.set_attribute("error.type", type(record.exception).__name__)
            span.set_status(_FAILED)
        span.end(now)

    def close(self) -> None:
        """Send what is left; a collector that does not answer holds up nothing for long."""
        last = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(_GOODBYE_S)


class _Phases:
    """The spans of an attempt's phases, one after the other; what happens in a phase is below it."""

    def __init__(self, tracer: trace.Tracer, attempt: Span) -> None:
        self._tracer = tracer
        self._attempt = attempt
        self._now: Span | None = None

    def enter(self, phase: str, /) -> None:
        self.end()
        self._now = self._tracer.start_span(
            phase, context=trace.set_span_in_context(self._attempt, Context())
        )
        # Not detached again: it is current in the task that works on the phase, and goes with it or with the next.
        contexts.attach(trace.set_span_in_context(self._now))

    def end(self) -> None:
        if self._now is not None:
            self._now.end()


class _Ids(RandomIdGenerator):
    """Random ids, but for the span whose ids are given."""

    def generate_trace_id(self) -> int:
        given = _next_ids.get()
        return super().generate_trace_id() if given is None else given[0]

    def generate_span_id(self) -> int:
        given = _next_ids.get()
        return super().generate_span_id() if given is None else given[1]


class _Discretion(SpanProcessor):
    """Takes the query out of requests' spans: people search for what was said, and links hold tokens."""

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        if span.attributes and "url.query" in span.attributes:
            span.set_attribute("url.query", _HIDDEN)


@contextmanager
def _current(span: Span) -> Iterator[None]:
    """Make a span current and end it; of an error it keeps the kind alone, whose text may quote anything."""
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", getattr(error, "code", None) or type(error).__name__)
            span.set_status(_FAILED)
            raise


def _number(text: str, size: int) -> int:
    """A number of `size` bytes that follows from a text; never 0."""
    return int.from_bytes(sha256(text.encode()).digest()[:size], "big") or 1


def _tell_the_sdk(settings: Observation) -> None:
    """Put what `.env` says where the SDK looks, which reads the environment alone; and keep its log short."""
    headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    for name, value in {
        "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_endpoint or "",
        "OTEL_EXPORTER_OTLP_HEADERS": headers,
        "OTEL_TRACES_SAMPLER": settings.traces_sampler,
        "OTEL_TRACES_SAMPLER_ARG": str(settings.traces_sampler_arg),
    }.items():
        if value:
            os.environ[name] = value
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # one line for a batch that is lost
