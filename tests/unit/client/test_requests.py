"""What is sent, what is sent again, and what a refusal becomes."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from client import aio, sync
from client.connection import ConnectionSettingsError
from client.errors import (
    BudgetError,
    ChangedError,
    ClientError,
    ConflictError,
    GoneError,
    InFlightError,
    InvalidRequestError,
    NotAllowedError,
    NotARecordingError,
    NotAuthenticatedError,
    NotFoundError,
    NotReadyError,
    RateLimitedError,
    RefusedError,
    ServiceError,
    TooLargeError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
)
from client.models import Order
from shared.lifecycle import JobStatus
from tests.unit.client.scripted import JOB, SESSION, Script, job, problem


def submitted() -> httpx.Response:
    return httpx.Response(202, json={"session": {"id": str(SESSION), "title": None}, "job": job("queued")})


def test_both_clients_offer_the_same_calls() -> None:
    """And each has the parameters and the documentation of its plan, for `help()` and editors."""

    def calls(module: ModuleType, prefix: str) -> dict[str, tuple[str, str | None]]:
        groups = {
            n: v for n, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__
        }
        return {
            f"{name.removeprefix(prefix)}.{call}": (
                str(list(inspect.signature(method).parameters)),
                method.__doc__,
            )
            for name, group in groups.items()
            for call, method in vars(group).items()
            if callable(method) and not call.startswith("_") and call not in {"close", "aclose"}
        }

    assert calls(aio, "Async") == calls(sync, "")
    assert all(doc for _, doc in calls(sync, "").values())
    with Script().sync_client as blocking:
        assert str(inspect.signature(blocking.jobs.get)) == "(job_id: uuid.UUID) -> client.models.jobs.Job"
        assert str(inspect.signature(blocking.jobs.follow)).endswith(
            "-> collections.abc.Iterator[client.models.jobs.Job]"
        )


async def test_a_recording_is_streamed_with_its_form_and_a_key(tmp_path: Path) -> None:
    recording = tmp_path / "sitzung übung.flac"
    recording.write_bytes(b"\x00\xffsound" * 50_000)
    script = Script(submitted())
    sent: list[tuple[int, int]] = []
    async with script.client as client:
        order = Order(title="Erste Übung", speakers=2, phrases=("GROW", "Ana"), metadata={"client": 17})
        made = await client.sessions.submit(
            recording, order, on_sent=lambda *step: sent.append(step), idempotency_key="key-1"
        )
    assert (made.session.id, made.job.id) == (SESSION, JOB)
    (request,) = script.requests
    assert request.headers["Idempotency-Key"] == "key-1"
    assert request.headers["Authorization"] == "Bearer secret-key"
    assert int(request.headers["Content-Length"]) == len(request.content)
    assert recording.read_bytes() in request.content
    for part in (
        'name="title"\r\n\r\nErste Übung',
        'name="speakers"\r\n\r\n2',
        'name="phrases"\r\n\r\n["GROW", "Ana"]',
        'name="metadata"\r\n\r\n{"client": 17}',
        'filename="sitzung übung.flac"',
    ):
        assert part.encode() in request.content
    assert b'name="language"' not in request.content
    assert request.content.index(b'name="audio"') > request.content.index(b'name="metadata"')
    assert sent[-1] == (350_000, 350_000)
    assert len(sent) > 3
    assert sent == sorted(sent)


def test_an_upload_that_was_cut_off_is_sent_again_to_the_last_byte(
    tmp_path: Path, waits: list[float]
) -> None:
    """F45: the idempotency key makes it safe, if the repeated request is the same."""
    recording = tmp_path / "call.wav"
    recording.write_bytes(b"sound" * 1000)
    script = Script(httpx.WriteError, problem(503, "unavailable"), submitted())
    with script.sync_client as client:
        client.sessions.submit(recording, on_sent=lambda *_: None)
    bodies = {(request.headers["Idempotency-Key"], request.read()) for request in script.requests}
    assert len(script.requests) == 3
    assert len(bodies) == 1
    assert waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("call", "again"),
    [
        (lambda client: client.jobs.get(JOB), True),
        (lambda client: client.jobs.cancel(JOB), True),
        (lambda client: client.sessions.delete(SESSION), True),
        (lambda client: client.sessions.update(SESSION, title="x"), True),
        (lambda client: client.editing.remove(SESSION, 3, seen=1), False),
    ],
    ids=["GET", "POST, by its key", "DELETE", "PATCH", "DELETE of the third of a list"],
)
@pytest.mark.parametrize("status", [None, 502, 429])
async def test_what_is_safe_to_repeat_is_repeated(
    waits: list[float], call: Callable[[aio.AsyncClient], Any], again: bool, status: int | None
) -> None:
    failure = problem(status, "later") if status else httpx.ReadError
    script = Script(failure, httpx.Response(200, json=job()))
    async with script.client as client:
        if again:
            await call(client)
            keys = {request.headers.get("Idempotency-Key") for request in script.requests}
            assert len(script.requests) == 2
            assert len(keys) == 1
        else:
            with pytest.raises(ClientError):
                await call(client)
            assert len(script.requests) == 1


async def test_what_was_never_sent_may_be_sent_again_whatever_it_is(waits: list[float]) -> None:
    script = Script(httpx.ConnectError, httpx.Response(200, json={"revision": 2}))
    async with script.client as client:
        await client.editing.remove(SESSION, 3, seen=1)
    assert [request.headers["If-Match"] for request in script.requests] == ['"1"', '"1"']


async def test_a_delete_whose_answer_was_lost_has_deleted(waits: list[float]) -> None:
    script = Script(httpx.ReadError, problem(404, "not_found"), problem(404, "not_found"))
    async with script.client as client:
        await client.sessions.delete(SESSION)
        with pytest.raises(NotFoundError):
            await client.sessions.delete(SESSION)


async def test_pauses_grow_and_are_never_shorter_than_the_service_asks(waits: list[float]) -> None:
    dated = {"Retry-After": "Sun, 01 Nov 2026 12:00:09 GMT", "Date": "Sun, 01 Nov 2026 12:00:00 GMT"}
    script = Script(
        problem(503, "unavailable", headers={"Retry-After": "soon"}),
        problem(429, "rate_limited", headers={"Retry-After": "7"}),
        problem(503, "unavailable", headers=dated),
        httpx.Response(200, json=job()),
    )
    async with script.client as client:
        await client.jobs.get(JOB)
    assert waits == [0.5, 7.0, 9.0]


async def test_a_long_absence_is_not_waited_for(waits: list[float]) -> None:
    script = Script(problem(429, "rate_limited", headers={"Retry-After": "3600"}), *[httpx.ConnectError] * 6)
    async with script.client as client:
        with pytest.raises(RateLimitedError) as limited:
            await client.jobs.get(JOB)
        assert limited.value.retry_after_s == 3600
        with pytest.raises(UnreachableError, match=r"http://service does not answer \(ConnectError\)"):
            await client.jobs.get(JOB)
    assert waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthenticated", NotAuthenticatedError),
        (402, "budget_exceeded", BudgetError),
        (403, "forbidden", NotAllowedError),
        (404, "not_found", NotFoundError),
        (409, "conflict", ConflictError),
        (409, "not_ready", NotReadyError),
        (409, "idempotency_in_flight", InFlightError),
        (410, "object_missing", GoneError),
        (412, "changed", ChangedError),
        (413, "too_large", TooLargeError),
        (415, "unsupported_media", NotARecordingError),
        (422, "invalid_request", InvalidRequestError),
        (429, "overloaded", RateLimitedError),
        (418, "teapot", RefusedError),
        (500, "internal", ServiceError),
        (503, "unavailable", UnavailableError),
    ],
)
async def test_a_problem_document_becomes_a_typed_error(
    waits: list[float], status: int, code: str, kind: type[RefusedError]
) -> None:
    script = Script(*[problem(status, code, "Because.", max_bytes=5)] * 4)
    async with script.client as client:
        with pytest.raises(RefusedError, match="Because") as refused:
            await client.jobs.cancel(JOB)
    error = refused.value
    assert type(error) is kind
    assert (error.http_status, error.problem_code, error.request_id) == (status, code, "r1")
    assert error.problem["max_bytes"] == 5


async def test_an_answer_from_something_else_than_the_service_is_told_as_it_is(waits: list[float]) -> None:
    page = httpx.Response(500, text="<html>Oops</html>")
    script = Script(
        page, httpx.Response(200, text="<html>Welcome</html>"), httpx.Response(200, json={"id": 1})
    )
    async with script.client as client:
        with pytest.raises(ServiceError, match="500 Internal Server Error"):
            await client.jobs.get(JOB)
        with pytest.raises(UnexpectedAnswerError, match=r"GET /v1/jobs/.*\(the body: "):
            await client.jobs.get(JOB)
        with pytest.raises(UnexpectedAnswerError, match=r"\(id: "):
            await client.sessions.get(SESSION)


async def test_a_list_is_read_page_after_page_as_it_is_needed() -> None:
    def page(first: int, cursor: str | None) -> httpx.Response:
        items = [job("failed", progress=first + n) for n in range(3)]
        return httpx.Response(200, json={"items": items, "next_cursor": cursor})

    script = Script(page(0, "c1"), page(3, "c2"), page(6, None))
    async with script.client as client:
        found = client.jobs.list(status=[JobStatus.FAILED], session_id=SESSION)
        assert (await anext(found)).progress == 0
        assert len(script.requests) == 1
        assert [each.progress async for each in found] == list(range(1, 9))
    assert [dict(request.url.params) for request in script.requests] == [
        {"status": "failed", "session_id": str(SESSION), "limit": "200"},
        {"status": "failed", "session_id": str(SESSION), "cursor": "c1", "limit": "200"},
        {"status": "failed", "session_id": str(SESSION), "cursor": "c2", "limit": "200"},
    ]


def test_a_list_ends_at_its_limit() -> None:
    script = Script(httpx.Response(200, json={"items": [job()] * 5, "next_cursor": "c1"}))
    with script.sync_client as client:
        found = list(client.sessions.list(created_after=datetime(2026, 11, 1, tzinfo=UTC), limit=5))
    assert len(found) == 5
    (request,) = script.requests
    assert dict(request.url.params) == {"created_after": "2026-11-01T00:00:00+00:00", "limit": "5"}


@pytest.mark.parametrize("url", ["transcripts.example", "ftp://x", "https://", "https://me:secret@x"])
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConnectionSettingsError) as refused:
        sync.Client(url)
    assert "secret" not in str(refused.value)


def test_a_key_goes_to_no_other_address_than_the_one_it_is_set_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """F39."""
    monkeypatch.setenv("TRANSCRIPTS_URL", "http://production")
    monkeypatch.setenv("TRANSCRIPTS_API_KEY", "production-key")
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=job())

    for url in (None, "http://elsewhere"):
        with sync.Client(url, transport=httpx.MockTransport(answer)) as client:
            client.jobs.get(JOB)
            assert "production-key" not in repr(vars(client))
    assert [request.headers.get("Authorization") for request in seen] == ["Bearer production-key", None]
    with pytest.raises(ConnectionSettingsError, match="not shown") as refused:
        sync.Client(key="clé secrète")
    assert "secr" not in str(refused.value)
