"""What Google's codes mean for us: decided by the code alone, never by a message's text (F7, F8)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.rpc import code_pb2, error_details_pb2, status_pb2

from shared.errors import (
    EngineError,
    EngineMisconfiguredError,
    EngineQuotaError,
    EngineRefusedError,
    EngineUnavailableError,
)

_Code = code_pb2.Code
_LONGEST_MESSAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code makes of an attempt, and whether a submit that is answered with it started nothing for certain."""

    error: type[EngineError]
    started_nothing: bool
    advice: str


_AGAIN: Final = "The recording is kept; the job is tried again by itself."
_REFUSED: Final = Meaning(
    EngineRefusedError, True, "The recording is kept; change the order, or upload it in another format."
)
_NOT_SET_UP: Final = Meaning(
    EngineMisconfiguredError,
    True,
    "The recording is kept; docs/google.md tells which role or setting is missing. Then retry the job.",
)
_UNKNOWN_WHETHER: Final = Meaning(EngineUnavailableError, False, _AGAIN)

MEANINGS: Final[Mapping[int, Meaning]] = MappingProxyType(
    {
        _Code.INVALID_ARGUMENT: _REFUSED,
        _Code.OUT_OF_RANGE: _REFUSED,
        _Code.UNIMPLEMENTED: _REFUSED,
        _Code.ALREADY_EXISTS: _REFUSED,
        _Code.FAILED_PRECONDITION: _NOT_SET_UP,
        _Code.PERMISSION_DENIED: _NOT_SET_UP,
        _Code.UNAUTHENTICATED: _NOT_SET_UP,
        _Code.NOT_FOUND: _NOT_SET_UP,  # the project, the location, the bucket
        _Code.RESOURCE_EXHAUSTED: Meaning(EngineQuotaError, True, _AGAIN),
        _Code.CANCELLED: _UNKNOWN_WHETHER,
        _Code.UNKNOWN: _UNKNOWN_WHETHER,
        _Code.DEADLINE_EXCEEDED: _UNKNOWN_WHETHER,
        _Code.ABORTED: _UNKNOWN_WHETHER,
        _Code.INTERNAL: _UNKNOWN_WHETHER,
        _Code.UNAVAILABLE: _UNKNOWN_WHETHER,
        _Code.DATA_LOSS: _UNKNOWN_WHETHER,
    }
)
"""Every code of google.rpc.Code but OK."""

_GONE: Final = Meaning(
    EngineUnavailableError, True, _AGAIN
)  # the staged audio: the next attempt stages it again


def meaning(code: int) -> Meaning:
    """What a code means; one that Google may add is taken for a passing fault of which nothing is known."""
    return MEANINGS.get(code, _UNKNOWN_WHETHER)


def of_file(code: int, message: str) -> EngineError:
    """The error of ours for a file that failed inside an operation."""
    return _error(_GONE if code == _Code.NOT_FOUND else meaning(code), code, message)


def of_operation(code: int, message: str) -> EngineError:
    """The error of ours for an operation that failed as a whole."""
    return _error(meaning(code), code, message)


def _error(found: Meaning, code: int, message: str, retry_after_s: float | None = None) -> EngineError:
    said = " ".join(message.split())[:_LONGEST_MESSAGE] or "no reason was given"
    extra: dict[str, Any] = {"google_code": _name(code)}
    if retry_after_s is not None and found.error.transient:
        extra["retry_after_s"] = retry_after_s
    return found.error(f"Google Speech-to-Text answered {_name(code)}: {said}. {found.advice}", **extra)


def of_call(error: GoogleAPICallError) -> tuple[int, EngineError]:
    """The code of a failed call, and the error of ours for it, with the wait that Google asks for (RetryInfo)."""
    status = error.grpc_status_code or grpc.StatusCode.UNKNOWN
    code = int(status.value[0])
    rpc = error.response
    trailers = (rpc.trailing_metadata() or ()) if isinstance(rpc, grpc.aio.AioRpcError) else ()
    return code, _error(meaning(code), code, str(error.message), _retry_after_s(trailers))


def _retry_after_s(trailers: Iterable[Any]) -> float | None:
    for name, value in trailers:
        if name == "grpc-status-details-bin":
            info = error_details_pb2.RetryInfo()
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(info):
                    return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    return None


def _name(code: int) -> str:
    return str(_Code.Name(code)) if code in _Code.values() else f"code {code}"
