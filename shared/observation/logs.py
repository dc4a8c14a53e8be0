"""Log lines as events with fields: JSON for machines, aligned text on a terminal, secrets never."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.observation import error_reports, telemetry
from shared.observation.discretion import cleaned

_OURS: Final = frozenset({"level", "logger", "service", "timestamp", "trace_id", "span_id"})


def configure(level: str, log_format: str, service: str) -> None:
    """Send our events and the libraries' records to stderr in one form; call once, at start."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service(service),
        _add_span,
        error_reports.note,
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    final: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=32)
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "asyncio", "faster_whisper"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(
            root.level
        ),  # what is not written costs next to nothing
        cache_logger_on_first_use=True,
    )
    # What nobody catches is a line as well: the interpreter's own traceback hides nothing.
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for a module: `log.info("job claimed", job_id=...)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide secrets, by their names and by their shapes, wherever they stand."""
    for name, value in event.items():
        if name not in _OURS and not name.startswith("_"):  # structlog's own, which are not written
            event[name] = cleaned(name, value)
    return event


def _add_span(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Where in which trace it was, where there is one."""
    if telemetry.on() and (ids := telemetry.ids()) is not None:
        event["trace_id"], event["span_id"] = ids
    return event


def _add_service(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    get_logger(__name__).critical("the process ends", exc_info=(kind, error, trace))


def _thread_crashed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        get_logger(__name__).error(
            "a thread ends", exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
        )


def bind(**fields: Any) -> None:
    """Add fields to every line that this task and its children log."""
    structlog.contextvars.bind_contextvars(**fields)
