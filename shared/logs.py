"""Log lines as events with fields: JSON for machines, aligned text on a terminal, secrets never."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_NAME = re.compile(
    r"password|secret|token|authorization|api_key|credential|pepper|database_url|redis_url", re.I
)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):([^@\s/]+)@")
# What makes a URL a secret: upload sessions and signatures of the large clouds, and tokens by their usual names.
_URL_SECRET = re.compile(
    r"([?&](?:upload_id|x-goog-signature|x-amz-signature|x-amz-security-token|signature|sig|token|access_token|key"
    r"|api_key)=)[^&\s\"'<>]+",
    re.I,
)
_HIDDEN = "[hidden]"


def configure(level: str, log_format: str, service: str) -> None:
    """Send our events and the libraries' records to stderr in one form; call once, at start."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service(service),
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


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for a module: `log.info("job claimed", job_id=...)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the values of secret fields, and passwords and signatures inside URLs wherever they stand."""
    for name, value in event.items():
        if _SECRET_NAME.search(name):
            event[name] = _HIDDEN
        elif isinstance(value, str):
            event[name] = _URL_SECRET.sub(rf"\1{_HIDDEN}", _URL_PASSWORD.sub(rf"\1:{_HIDDEN}@", value))
    return event


def _add_service(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def bind(**fields: Any) -> None:
    """Add fields to every line that this task and its children log."""
    structlog.contextvars.bind_contextvars(**fields)
