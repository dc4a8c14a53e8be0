"""Reports of errors to Sentry, or to whatever speaks its protocol; off unless SENTRY_DSN is set, and then not loaded.

What is reported is what is logged as an error: one place decides what is worth it. Nothing of requests is collected,
and no variables of stack frames, which hold what was said.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from structlog.typing import EventDict, WrappedLogger

from shared.errors import SetupError
from shared.observation.discretion import cleaned
from shared.version import installed_version

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

    from shared.settings.observation import Observation

_GOODBYE_S: Final = 1.0
_WORTH_IT: Final = frozenset({"error", "critical"})
_TAGS: Final = frozenset({"service", "logger", "request_id", "job_id", "attempt", "trace_id", "span_id"})
_LEFT_OUT: Final = frozenset({"event", "level", "timestamp", "exc_info"})

_report: Callable[[EventDict], None] | None = None
_flush: Callable[[], object] | None = None


def configure(settings: "Observation", service: str) -> None:
    """Begin to report, where a DSN is set; call once, at start. SetupError where the package is missing."""
    global _report, _flush  # noqa: PLW0603  (one a process, like its log)
    if settings.sentry_dsn is None:
        return
    try:
        import sentry_sdk  # noqa: PLC0415  (not loaded where nothing is reported)
        from sentry_sdk.utils import BadDsn  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SetupError(
            "SENTRY_DSN asks for reports, and sentry-sdk is not installed. Install the extra "
            "coaching-transcripts[sentry], or unset it."
        ) from error
    try:
        sentry_sdk.init(
            dsn=settings.sentry_dsn.get_secret_value(),
            release=f"coaching-transcripts@{installed_version()}",
            environment=settings.sentry_environment,
            before_send=_clean,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            # They patch the libraries that they find; ours are told of by the log.
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_client_reports=False,
            shutdown_timeout=0,
        )
    except BadDsn:
        raise SetupError(
            "SENTRY_DSN is no DSN. It looks like https://key@host/1: copy it from the project's settings."
        ) from None
    _report = _reporter(service)
    _flush = lambda: sentry_sdk.flush(_GOODBYE_S)  # noqa: E731


def close() -> None:
    """Send the last reports, for at most a second."""
    if _flush is not None:
        _flush()


def note(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A processor of structlog: reports a line that is an error, and passes it on as it is."""
    if _report is not None and event.get("level") in _WORTH_IT:
        _report(event)
        if event["level"] == "critical":  # the process ends
            close()
    return event


def _reporter(service: str) -> Callable[[EventDict], None]:
    import sentry_sdk  # noqa: PLC0415

    def report(event: EventDict) -> None:
        if str(event.get("logger", "")).startswith(("sentry_sdk", "urllib3")):
            return
        with sentry_sdk.new_scope() as scope:
            scope.set_level("fatal" if event["level"] == "critical" else "error")
            scope.set_tag("service", service)
            for name in _TAGS & event.keys():
                scope.set_tag(name, str(event[name]))
            rest = {
                name: cleaned(name, value)
                for name, value in event.items()
                if name not in _TAGS | _LEFT_OUT and not name.startswith("_")
            }
            scope.set_context("log", {"event": event["event"], **rest})
            error = _error_of(event.get("exc_info"))
            if error is None:
                scope.capture_message(str(event["event"]))
            else:
                scope.capture_exception(error)

    return report


def _error_of(exc_info: Any) -> BaseException | None:
    """What `exc_info` of a line stands for: an error, its triple, or the one that is being handled."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1]  # type: ignore[no-any-return]
    return sys.exc_info()[1] if exc_info else None


def _clean(event: "Event", _hint: "Hint") -> "Event":
    """Hide secrets in every text of a report, however deep."""
    hidden: Event = cleaned("", event)
    return hidden
