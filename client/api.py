"""An asynchronous client of the HTTP API: send a recording, follow its job, fetch the transcript."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self
from uuid import UUID, uuid4

import httpx

from client.errors import ClientError, JobFailedError, RefusedError, UnreachableError
from client.models import Format, Job, Order, Submission, Transcript
from shared.lifecycle import JobStatus

OnSent = Callable[[int, int], None]
"""Called with the bytes sent so far and the bytes there are in all."""

_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0, write=120.0)
_LONG_POLL_S: Final = 20
_POLL_S: Final = 0.5  # where the service neither holds the request nor says when to come back
_MAX_WAIT_S: Final = 30.0
_TRIES: Final = 6


class TranscriptsClient:
    """The service at one address; use it as an asynchronous context manager."""

    def __init__(self, base_url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, timeout=_TIMEOUT, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(
        self,
        recording: Path,
        order: Order,
        *,
        on_sent: OnSent | None = None,
        idempotency_key: str | None = None,
    ) -> Submission:
        """Send a recording, streamed from disk; returns once it is stored and its job is queued.

        A second call with the same `idempotency_key` returns the first one's answer.
        """
        with recording.open("rb") as file:
            body = _Counted(file, on_sent) if on_sent else file
            response = await self._send(
                "POST",
                "/v1/sessions",
                data=order.form(),
                files={"audio": (recording.name, body)},
                headers={"Idempotency-Key": idempotency_key or str(uuid4())},
            )
        return Submission.model_validate_json(response.content)

    async def job(self, job_id: UUID) -> Job:
        """The job as it stands."""
        return Job.model_validate_json((await self._send("GET", f"/v1/jobs/{job_id}")).content)

    async def follow(self, job_id: UUID) -> AsyncIterator[Job]:
        """The job now and after each change, until it is over; outlasts a restart of the service.

        Asks the service to hold the request until something changes, and otherwise comes back when it says.
        """
        etag, failures = "", 0
        while True:
            try:
                response = await self._send(
                    "GET",
                    f"/v1/jobs/{job_id}",
                    headers={"If-None-Match": etag, "Prefer": f"wait={_LONG_POLL_S}"},
                )
            except (UnreachableError, RefusedError) as error:
                failures += 1
                if failures == _TRIES or not _may_pass(error):
                    raise
                await asyncio.sleep(min(_POLL_S * 2**failures, _MAX_WAIT_S))
                continue
            failures = 0
            if response.status_code == httpx.codes.OK:
                etag = response.headers.get("ETag", "")
                job = Job.model_validate_json(response.content)
                yield job
                if job.is_over:
                    return
            if "wait" not in response.headers.get("Preference-Applied", ""):
                await asyncio.sleep(_wait_s(response))

    async def wait(self, job_id: UUID, on_change: Callable[[Job], None] | None = None) -> Job:
        """Wait until the job has succeeded and return it; JobFailedError where it failed or was cancelled."""
        async for job in self.follow(job_id):
            if on_change is not None:
                on_change(job)
            if job.status is JobStatus.SUCCEEDED:
                return job
            if job.is_over:
                raise JobFailedError(
                    job.error.detail if job.error else f"The job was {job.status}.", job=str(job.id)
                )
        raise JobFailedError(f"The service lost sight of job {job_id}.")

    async def transcript(self, session_id: UUID) -> Transcript:
        """The session's transcript; RefusedError with `not_ready` while its job runs."""
        return Transcript.model_validate_json(await self.export(session_id, "json"))

    async def export(self, session_id: UUID, form: Format) -> bytes:
        """The session's transcript as a file of that format."""
        return (
            await self._send("GET", f"/v1/sessions/{session_id}/transcript", params={"format": form})
        ).content

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **kwargs)
        except httpx.TransportError as error:
            raise UnreachableError(
                f"{self._http.base_url} does not answer ({type(error).__name__}). Check the address, and that the "
                "service runs."
            ) from error
        except httpx.HTTPError as error:
            raise ClientError(f"The request failed: {error}") from error
        if response.is_error:
            raise RefusedError(response)
        return response


def _may_pass(error: UnreachableError | RefusedError) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, UnreachableError):
        return True
    return error.http_status == httpx.codes.TOO_MANY_REQUESTS or error.http_status >= 500


def _wait_s(response: httpx.Response) -> float:
    seconds = response.headers.get("Retry-After", "")
    return min(float(seconds), _MAX_WAIT_S) if seconds.isdecimal() else _POLL_S


class _Counted(io.RawIOBase):
    """A file that says how much of it was read, which is how much httpx has sent."""

    def __init__(self, file: BinaryIO, on_sent: OnSent) -> None:
        super().__init__()
        self._file = file
        self._on_sent = on_sent
        self._total = Path(file.name).stat().st_size

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._on_sent(self._file.tell(), self._total)
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()
