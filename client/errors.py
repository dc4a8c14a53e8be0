"""What can go wrong between a client and the service, as the service's own problem documents tell it."""

import httpx

from shared.errors import TranscriptsError


class ClientError(TranscriptsError):
    """The service could not be used."""

    code = "client"


class UnreachableError(ClientError):
    """The service does not answer. Check the address, and that it runs."""

    code = "unreachable"
    transient = True


class RefusedError(ClientError):
    """The service refused the request."""

    code = "refused"

    def __init__(self, response: httpx.Response) -> None:
        """Keep the HTTP status, the problem's code, and the request's id for a report."""
        problem = _problem(response)
        code, detail = problem.get("code"), problem.get("detail") or problem.get("title")
        super().__init__(detail or f"The service answered {response.status_code} {response.reason_phrase}.")
        self.http_status = response.status_code
        self.problem_code = code
        self.request_id = response.headers.get("X-Request-Id")


class JobFailedError(ClientError):
    """The job failed or was cancelled. The recording is kept; retry the job."""

    code = "job_failed"


def _problem(response: httpx.Response) -> dict[str, str]:
    """The members of a problem document (RFC 9457); empty where the answer is none, as from a proxy."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return {name: str(value) for name, value in body.items()} if isinstance(body, dict) else {}
