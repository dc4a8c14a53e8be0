"""What can go wrong between a client and the service; the service's problem documents become typed errors.

A class's docstring is its message where the service gave none; `advice` says what to do about it.
"""

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

import httpx

from shared.errors import TranscriptsError

if TYPE_CHECKING:
    from client.models import Job


class ClientError(TranscriptsError):
    """The service could not be used."""

    code = "client"
    advice: ClassVar[str] = ""


class UnreachableError(ClientError):
    """The service does not answer. Check the address, and that it runs."""

    code = "unreachable"
    transient = True
    advice = (
        "Check the address (TRANSCRIPTS_URL), and that the service runs: `transcripts doctor` looks closer."
    )


class UnexpectedAnswerError(ClientError):
    """The service answered something that this client cannot read."""

    code = "unexpected_answer"
    advice = (
        "Check that the address is that of the service, and that its version is not older than the client's."
    )


class JobFailedError(ClientError):
    """The job failed. The recording is kept; retry the job."""

    code = "job_failed"
    advice = "The recording is kept. When the cause is gone: `transcripts retry JOB`."

    def __init__(self, job: "Job") -> None:
        """Keep the job; its own error is the message."""
        super().__init__(job.error.detail if job.error else None, job=str(job.id))
        self.job = job


class JobCancelledError(JobFailedError):
    """The job was cancelled. The recording is kept; retry the job to run it again."""

    code = "job_cancelled"


class RefusedError(ClientError):
    """The service refused the request."""

    code = "refused"

    def __init__(self, response: httpx.Response) -> None:
        """Keep the HTTP status, the problem document, and the request's id for a report."""
        self.problem: dict[str, Any] = _problem(response)
        detail = self.problem.get("detail") or self.problem.get("title")
        super().__init__(
            str(detail)
            if detail
            else f"The service answered {response.status_code} {response.reason_phrase}."
        )
        self.http_status = response.status_code
        self.problem_code: str | None = self.problem.get("code")
        self.request_id = response.headers.get("X-Request-Id")
        self.retry_after_s = retry_after_s(response)


class NotAuthenticatedError(RefusedError):
    """The service wants a key that it knows."""

    advice = "Set TRANSCRIPTS_API_KEY to a key of yours; `transcripts keys create` makes one for somebody with one."


class BudgetError(RefusedError):
    """This month's budget is spent, and the engine costs money."""

    advice = "`transcripts usage` shows what it went to; an operator can raise it, and an unpaid engine needs none."


class NotAllowedError(RefusedError):
    """The key does not allow this."""

    advice = "Use a key with the scope that is missing; `transcripts keys create --scope ...` makes one."


class NotFoundError(RefusedError):
    """There is nothing under this id, or it is not yours."""

    advice = "`transcripts list` shows what there is for this key."


class ConflictError(RefusedError):
    """The state of the resource does not allow this."""


class NotReadyError(ConflictError):
    """The transcript is not ready yet."""

    advice = "`transcripts watch JOB` waits for it."


class InFlightError(ConflictError):
    """The first request with this idempotency key is still being answered."""


class GoneError(RefusedError):
    """What this needs is no longer stored."""

    advice = "Send the recording again."


class ChangedError(RefusedError):
    """Somebody changed it since it was read."""

    advice = "Read it again, and repeat the change on what is there now."


class TooLargeError(RefusedError):
    """The recording is over this server's size limit."""

    advice = "Send a compressed recording (m4a, ogg, mp3): speech needs no more than 32 kbit/s."


class NotARecordingError(RefusedError):
    """The file is not a recording that can be read."""


class InvalidRequestError(RefusedError):
    """The request is not of the form that the service takes."""


class RateLimitedError(RefusedError):
    """Too many requests."""

    advice = "Come back after a while; the service said when."
    transient = True


class ServiceError(RefusedError):
    """The service could not answer for a reason of its own."""

    advice = "Try again; if it stays, tell whoever runs the service the request's id."


class UnavailableError(ServiceError):
    """A part of the service does not answer now."""

    transient = True


_BY_CODE: Final[dict[str, type[RefusedError]]] = {
    "not_ready": NotReadyError,
    "idempotency_in_flight": InFlightError,
}
_BY_STATUS: Final[dict[int, type[RefusedError]]] = {
    401: NotAuthenticatedError,
    402: BudgetError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    412: ChangedError,
    413: TooLargeError,
    415: NotARecordingError,
    422: InvalidRequestError,
    428: InvalidRequestError,
    429: RateLimitedError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def refusal(response: httpx.Response) -> RefusedError:
    """The error that an answer of 4xx or 5xx tells of; its body has been read."""
    status = response.status_code
    kind = _BY_STATUS.get(status, ServiceError if status >= 500 else RefusedError)
    return _BY_CODE.get(str(_problem(response).get("code")), kind)(response)


def retry_after_s(response: httpx.Response) -> float | None:
    """The seconds of a Retry-After, which may be a number or a date (RFC 9110); None where there is none."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
        now = parsedate_to_datetime(response.headers.get("Date", ""))
        return max((then - now).total_seconds(), 0.0)  # by the service's own clock
    except (ValueError, TypeError):
        return None


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The problem document (RFC 9457); empty where the answer is none, as from a proxy."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
