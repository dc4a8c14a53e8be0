"""A service with one job that takes an hour by the clock of the event loop; it paces pollers as the real one does."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from api_service.waiting.pacing import look_again_s
from shared.schemas.jobs import JobResource

JOB = UUID("0199b0c1-0000-7000-8000-000000000001")
SESSION = UUID("0199b0c1-0000-7000-8000-000000000002")
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

Progress = Callable[[float], int]
"""Per cent done at a share of the job's time."""


def linear(share: float) -> int:
    return int(share * 100)


def coarse(share: float) -> int:
    """As Google tells it."""
    return int(share * 100) // 26 * 26


def untold(_share: float) -> int:
    return 0


class HourLongJob(httpx.AsyncBaseTransport):
    """Answers GET of the job and of its events; `requests` are what was asked, `cuts` when a proxy cuts streams."""

    def __init__(
        self,
        seconds: float,
        progress: Progress = linear,
        *,
        eta: tuple[float, float] | None = None,
        streams: str = "through",
        cut_s: float = math.inf,
    ) -> None:
        self.seconds = seconds
        self.requests: list[httpx.Request] = []
        self._progress = progress
        self._eta = eta
        self._streams = streams
        self._cut_s = cut_s

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def job(self, **members: Any) -> JobResource:
        over = self.now >= self.seconds
        eta = None
        if self._eta and not over:
            p50, p90 = (START + timedelta(seconds=max(each, self.now)) for each in self._eta)
            eta = {"p50": p50, "p90": p90}
        values: dict[str, Any] = {
            "id": JOB, "session_id": SESSION, "status": "succeeded" if over else "running", "phase": None,
            "progress": 100 if over else self._progress(self.now / self.seconds), "audio_ms_done": 0,
            "audio_duration_ms": None, "message": "", "queue_position": None, "eta": eta, "attempt": 1, "failures": 0,
            "warnings": [], "error": None, "next_attempt_at": None, "engine": "local", "model": None,
            "language": None, "speakers": 2, "diarization": True, "priority": "normal", "processing": "standard",
            "retry_of": None, "fallback_engine": None, "fell_back_from": None, "created_at": START, "started_at": START,
            "finished_at": None,
        }  # fmt: skip
        return JobResource.model_validate(values | members)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path.endswith("/events"):
            return self._events(request)
        headers = {}
        if wait := request.headers.get("Prefer", "").partition("wait=")[2]:
            await asyncio.sleep(max(min(float(wait), self.seconds - self.now), 0))
            headers["Preference-Applied"] = f"wait={wait}"
        job = self.job()
        content = job.model_dump_json()
        if job.status == "running":
            headers["Retry-After"] = str(look_again_s(job, START + timedelta(seconds=self.now)))
        headers["ETag"] = f'"{hash(content)}"'
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, headers=headers, text=content)

    def _events(self, request: httpx.Request) -> httpx.Response:
        if self._streams == "refused":
            return httpx.Response(
                200, text="<html>no streams here</html>", headers={"Content-Type": "text/html"}
            )
        stream = _Events(self, request, self._cut_s, held=self._streams == "held back")
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=stream)


class _Events(httpx.AsyncByteStream):
    def __init__(self, service: HourLongJob, request: httpx.Request, cut_s: float, *, held: bool) -> None:
        self._service = service
        self._known = request.headers.get("Last-Event-ID", "")
        self._silence_s = request.extensions["timeout"]["read"]
        self._cut_at = service.now + cut_s
        self._held = held

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._held:  # by a proxy that keeps it all until the end
            await asyncio.sleep(self._silence_s)
            raise httpx.ReadTimeout("nothing came")
        yield b"retry: 1000\n\n"
        while True:
            job = self._service.job()
            tag = f"{job.status}-{job.progress}"
            if tag != self._known:
                self._known = tag
                text = json.dumps(job.model_dump(mode="json"))
                yield f"event: job\nid: {tag}\ndata: {text}\n\n".encode()
            if job.status == "succeeded":
                return
            if self._service.now >= self._cut_at:
                raise httpx.RemoteProtocolError("cut")
            await asyncio.sleep(0.5)
