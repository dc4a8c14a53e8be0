"""A service that answers from a script: what happens between its answers is the client's."""

from typing import Any
from uuid import UUID

import httpx

from client.aio import AsyncClient
from client.sync import Client

JOB = UUID("0199b0c1-0000-7000-8000-000000000001")
SESSION = UUID("0199b0c1-0000-7000-8000-000000000002")
URL = "http://service"

Answer = httpx.Response | type[Exception]


def job(status: str = "running", **members: Any) -> dict[str, Any]:
    return {
        "id": str(JOB), "session_id": str(SESSION), "status": status, "phase": None, "progress": 0,
        "created_at": "2026-11-01T12:00:00Z", "member_of_a_later_version": [1], **members,
    }  # fmt: skip


def problem(status: int, code: str, detail: str = "No.", **members: Any) -> httpx.Response:
    headers = {"X-Request-Id": "r1", **members.pop("headers", {})}
    return httpx.Response(status, headers=headers, json={"code": code, "detail": detail, **members})


def events(*jobs: dict[str, Any]) -> httpx.Response:
    """A stream that tells of these and then ends, whether they are over or not."""
    told = [
        f"event: job\nid: {n}\ndata: {httpx.Response(200, json=each).text}\n\n"
        for n, each in enumerate(jobs, 1)
    ]
    text = "retry: 1000\n\n" + "".join(told)
    return httpx.Response(200, headers={"Content-Type": "text/event-stream; charset=utf-8"}, text=text)


class Script:
    """Answers requests in order and keeps them."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = iter(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = next(self._answers)
        if isinstance(step, httpx.Response):
            return step
        raise step("scripted")

    @property
    def client(self) -> AsyncClient:
        return AsyncClient(URL, key="secret-key", transport=httpx.MockTransport(self))

    @property
    def sync_client(self) -> Client:
        return Client(URL, key="secret-key", transport=httpx.MockTransport(self))
