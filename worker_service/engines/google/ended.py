"""What an operation that is over has come to: where its result lies, or why there is none and what it cost."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from google.cloud.speech_v2.types import cloud_speech
from google.longrunning.operations_pb2 import Operation
from google.rpc import code_pb2

from shared.errors import EngineUnavailableError
from shared.jobs.operations import FREE, Cost
from worker_service.engines.google import codes
from worker_service.engines.google.tariff import Tariff
from worker_service.engines.google.watched import metadata
from worker_service.engines.port import OperationEndedError

_RESPONSE: Final = cloud_speech.BatchRecognizeResponse.pb()
_DYNAMIC: Final = cloud_speech.BatchRecognizeRequest.ProcessingStrategy.DYNAMIC_BATCHING


@dataclass(frozen=True, slots=True)
class Success:
    """Where the result lies, and what Google says of the bill."""

    uri: str
    model: str
    economy: bool
    billed_ms: int | None = None


def success(operation: Operation, duration_ms: int, tariff: Tariff) -> Success:
    """The success of an operation that is done; raises OperationEndedError where it is none.

    `done` without `error` is not enough: each file may have failed by itself, and then nothing was billed (F8).
    """
    if operation.HasField("error"):
        error = codes.of_operation(operation.error.code, operation.error.message)
        raise OperationEndedError(error, cost(operation, duration_ms, tariff))
    response = _RESPONSE()
    operation.response.Unpack(response)
    result = next(iter(response.results.values()), None)
    if result is None:
        raise OperationEndedError(
            EngineUnavailableError(
                "Google's operation ended without a result. The recording is kept; the job is tried again by itself."
            ),
            FREE,
        )
    if result.error.code:
        raise OperationEndedError(codes.of_file(result.error.code, result.error.message), FREE)
    request = metadata(operation).batch_recognize_request
    said = result.metadata.total_billed_duration
    return Success(
        uri=result.cloud_storage_result.uri or result.uri,
        model=request.config.model,
        economy=request.processing_strategy == _DYNAMIC,
        billed_ms=said.ToMilliseconds() or None,
    )


def age_s(operation: Operation) -> float:
    """How many seconds ago Google says that it was started."""
    created = metadata(operation).create_time.ToDatetime(UTC)
    return float((datetime.now(UTC) - created).total_seconds())


def cost(operation: Operation, duration_ms: int, tariff: Tariff, shown_percent: float = 0.0) -> Cost:
    """What an operation has cost until now: the bill where there is one, else progress times duration.

    What is billed of an operation that was cancelled, Google does not say; of one that failed, nothing is.
    """
    known = metadata(operation)
    economy = known.batch_recognize_request.processing_strategy == _DYNAMIC
    if operation.HasField("response"):
        response = _RESPONSE()
        operation.response.Unpack(response)
        billed_ms = response.total_billed_duration.ToMilliseconds()
        return tariff.cost(billed_ms, economy=economy) if billed_ms else FREE
    if operation.HasField("error") and operation.error.code != code_pb2.CANCELLED:
        return FREE
    percent = max(float(known.progress_percent), shown_percent)
    return tariff.cost(int(duration_ms * percent / 100), economy=economy, estimated=True)
