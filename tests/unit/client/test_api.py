"""The client against a service that answers from a script; the real one is in tests/e2e and integration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from client.api import TranscriptsClient
from client.errors import JobFailedError, RefusedError, UnreachableError
from client.models import Job, Order
from shared.lifecycle import JobStatus

JOB = UUID("0199b0c1-0000-7000-8000-000000000001")
SESSION = UUID("0199b0c1-0000-7000-8000-000000000002")
Answer = httpx.Response | type[Exception]


def job(status: str = "running", **members: Any) -> dict[str, Any]:
    return {
        "id": str(JOB), "session_id": str(SESSION), "status": status, "phase": None, "progress": 0,
        "created_at": "2026-11-01T12:00:00Z", "member_of_a_later_version": [1], **members,
    }  # fmt: skip


def answered(status: int = 200, etag: str = '"1"', held: bool = True, **kwargs: Any) -> httpx.Response:
    headers = {
        "ETag": etag,
        **({"Preference-Applied": "wait=20"} if held else {}),
        **kwargs.pop("headers", {}),
    }
    return httpx.Response(status, headers=headers, **kwargs)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the client would have made."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr("client.api.asyncio.sleep", sleep)
    return made


def client_of(*answers: Answer) -> tuple[TranscriptsClient, list[httpx.Request]]:
    requests: list[httpx.Request] = []
    script = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        step = next(script)
        if isinstance(step, httpx.Response):
            return step
        raise step("scripted")

    return TranscriptsClient("http://service", transport=httpx.MockTransport(answer)), requests


async def test_following_sends_the_etag_and_sees_each_change_once(waits: list[float]) -> None:
    client, requests = client_of(
        answered(json=job("queued"), etag='"1"'),
        answered(304, etag='"1"'),
        answered(json=job(progress=40, phase="a phase of a later version"), etag='"2"'),
        answered(json=job("succeeded", progress=100), etag='"3"'),
    )
    async with client:
        seen = [(each.status, each.progress) async for each in client.follow(JOB)]
    assert seen == [("queued", 0), ("running", 40), ("succeeded", 100)]
    assert [request.headers["If-None-Match"] for request in requests] == ["", '"1"', '"1"', '"2"']
    assert waits == []  # the service held the requests


async def test_a_service_that_does_not_hold_requests_is_asked_again_when_it_says(waits: list[float]) -> None:
    client, _ = client_of(
        answered(json=job("queued"), held=False, headers={"Retry-After": "3"}),
        answered(304, held=False),
        answered(304, held=False, headers={"Retry-After": "86400"}),
        answered(json=job("succeeded"), held=False),
    )
    async with client:
        assert (await client.wait(JOB)).status is JobStatus.SUCCEEDED
    assert waits == [3.0, 0.5, 30.0]


async def test_following_outlasts_a_restart_but_not_a_refusal(waits: list[float]) -> None:
    client, _ = client_of(
        httpx.ConnectError,
        answered(503),
        answered(429),
        answered(json=job("succeeded")),
        answered(404, json={"code": "not_found", "detail": "There is nothing under this id."}),
    )
    async with client:
        assert (await client.wait(JOB)).is_over
        assert waits == [1.0, 2.0, 4.0]
        with pytest.raises(RefusedError, match="nothing under this id") as refused:
            await client.wait(JOB)
    assert (refused.value.http_status, refused.value.problem_code) == (404, "not_found")


async def test_a_service_that_stays_away_is_given_up(waits: list[float]) -> None:
    client, requests = client_of(*[httpx.ConnectError] * 6)
    async with client:
        with pytest.raises(UnreachableError, match=r"http://service.* does not answer"):
            await client.wait(JOB)
    assert len(requests) == 6
    assert len(waits) == 5


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (job("failed", error={"code": "media_empty", "detail": "No sound."}), "No sound"),
        (job("cancelled"), "cancelled"),
    ],
)
async def test_waiting_for_a_job_that_fails_says_why(last: dict[str, Any], told: str) -> None:
    client, _ = client_of(answered(json=last))
    seen: list[Job] = []
    async with client:
        with pytest.raises(JobFailedError, match=told):
            await client.wait(JOB, seen.append)
    assert len(seen) == 1


async def test_a_recording_is_streamed_with_its_form_and_a_key(tmp_path: Path) -> None:
    recording = tmp_path / "sitzung übung.flac"
    recording.write_bytes(b"\x00\xffsound" * 50_000)
    client, requests = client_of(
        httpx.Response(202, json={"session": {"id": str(SESSION), "title": None}, "job": job("queued")})
    )
    sent: list[tuple[int, int]] = []
    async with client:
        order = Order(title="Erste Übung", speakers=2)
        made = await client.submit(
            recording, order, on_sent=lambda *step: sent.append(step), idempotency_key="key-1"
        )
    assert (made.session.id, made.job.id) == (SESSION, JOB)
    (request,) = requests
    assert request.headers["Idempotency-Key"] == "key-1"
    assert int(request.headers["Content-Length"]) == len(request.content)
    assert recording.read_bytes() in request.content
    for part in (
        'name="title"\r\n\r\nErste Übung',
        'name="speakers"\r\n\r\n2',
        'filename="sitzung übung.flac"',
    ):
        assert part.encode() in request.content
    assert b'name="language"' not in request.content
    assert sent[-1] == (350_000, 350_000)
    assert len(sent) > 3
    assert sent == sorted(sent)


async def test_an_answer_from_something_else_than_the_service_is_told_as_it_is() -> None:
    page = httpx.Response(502, text="<html>Bad gateway</html>")
    client, _ = client_of(page, page)
    call: Callable[[], Any]
    async with client:
        for call in (lambda: client.job(JOB), lambda: client.transcript(SESSION)):
            with pytest.raises(RefusedError, match="502 Bad Gateway"):
                await call()
