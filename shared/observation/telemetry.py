"""Traces of requests and jobs; off unless a collector is set, and then nothing of OpenTelemetry is loaded.

What goes into a span is chosen where it is made: ids, codes, sizes, statements without their values. Nothing that was
said, no address of a caller's, no query of a URL and no text of an error ever does.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final
from uuid import UUID

from shared.errors import SetupError
from shared.observation.spans import Enter, Tracing, Value

if TYPE_CHECKING:
    from shared.settings.observation import Observation

_NOTHING: Final = nullcontext()
_tracing: Tracing | None = None


def configure(settings: "Observation", service: str) -> None:
    """Begin to trace, where a collector is set; call once, at start. SetupError where the packages are missing."""
    global _tracing  # noqa: PLW0603  (one a process, like its log)
    if settings.otlp_endpoint is None:
        return
    try:
        from shared.observation.tracing import OpenTelemetry  # noqa: PLC0415  (loads nothing where there are no traces)
    except ModuleNotFoundError as error:
        raise SetupError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, and {error.name} is not installed. Install the extra "
            "coaching-transcripts[telemetry], or unset it."
        ) from error
    _tracing = OpenTelemetry(settings, service)


def close() -> None:
    """Send the last spans, for at most a second, and trace no more."""
    global _tracing  # noqa: PLW0603
    if _tracing is not None:
        _tracing.close()
        _tracing = None


def on() -> bool:
    """Whether anything is traced."""
    return _tracing is not None


def span(name: str, **attributes: Value) -> AbstractContextManager[object]:
    """A call to another system while the block runs; only within a request or an attempt."""
    return _NOTHING if _tracing is None else _tracing.span(name, attributes)


def attempt(
    job_id: UUID, number: int, traceparent: str | None, **attributes: Value
) -> AbstractContextManager[Enter]:
    """An attempt of a job while the block runs, in the trace of its request; linked to the job's first attempt.

    It gives what is to be called as phases are entered.
    """
    if _tracing is None:
        return nullcontext(_no_phase)
    return _tracing.attempt(job_id, number, traceparent, attributes)


def continued(name: str, traceparent: str | None, **attributes: Value) -> AbstractContextManager[object]:
    """A call to another system while the block runs, in the trace that `traceparent` names, if it does."""
    if _tracing is None or traceparent is None:
        return _NOTHING
    return _tracing.continued(name, traceparent, attributes)


def annotate(**attributes: Value) -> None:
    """Add to the span that is current."""
    if _tracing is not None:
        _tracing.annotate(attributes)


def traceparent() -> str | None:
    """The span that is current as W3C's header, `00-<trace>-<span>-<flags>`; None where there is none."""
    return None if _tracing is None else _tracing.traceparent()


def ids() -> tuple[str, str] | None:
    """The ids of the trace and of the span that is current, as collectors show them; None where there is none."""
    return None if _tracing is None else _tracing.ids()


def statement_ended(record: object) -> None:
    """For asyncpg's `add_query_logger`."""
    if _tracing is not None:
        _tracing.statement_ended(record)


def trace_id_of(header: str | None) -> str | None:
    """The trace that a `traceparent` names."""
    return header.split("-")[1] if header else None


def _no_phase(_phase: str, /) -> None:
    """Nothing is traced."""
