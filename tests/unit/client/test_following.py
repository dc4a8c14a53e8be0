"""Jobs followed through what goes wrong on the way; what it costs is in test_politeness."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from client.errors import JobCancelledError, JobFailedError, NotFoundError, UnreachableError
from client.event_stream import Event, EventParser
from client.models import Job
from shared.lifecycle import JobStatus
from tests.unit.client.scripted import JOB, Script, events, job, problem


async def test_each_change_is_told_once(waits: list[float]) -> None:
    script = Script(
        events(
            job("queued"),
            job(progress=40, phase="a phase of a later version"),
            job("succeeded", progress=100),
        )
    )
    async with script.client as client:
        seen = [(each.status, each.progress) async for each in client.jobs.follow(JOB)]
    assert seen == [("queued", 0), ("running", 40), ("succeeded", 100)]
    assert waits == []


async def test_following_outlasts_a_restart(waits: list[float]) -> None:
    """F42: it goes on with the last event that was seen, on any replica."""
    script = Script(
        httpx.ConnectError,
        events(job("queued"), job(progress=10)),  # the service stops
        problem(503, "unavailable"),
        httpx.RemoteProtocolError,
        events(job("succeeded")),
    )
    async with script.client as client:
        assert (await client.jobs.wait(JOB)).is_over
    assert [request.headers.get("Last-Event-ID") for request in script.requests] == [
        None,
        None,
        "2",
        "2",
        "2",
    ]
    assert waits == [0.5, 1.0, 1.0, 2.0]  # the stream asked for a second, at least


async def test_a_job_that_is_deleted_meanwhile_is_not_found(waits: list[float]) -> None:
    gone = httpx.Response(
        200, headers={"Content-Type": "text/event-stream"}, text="retry: 1000\n\nevent: gone\ndata: {}\n\n"
    )
    script = Script(gone, problem(404, "not_found", "There is nothing under this id."))
    async with script.client as client:
        with pytest.raises(NotFoundError, match="nothing under this id"):
            await client.jobs.wait(JOB)


async def test_an_unknown_job_is_refused_at_once(waits: list[float]) -> None:
    script = Script(problem(404, "not_found"))
    async with script.client as client:
        with pytest.raises(NotFoundError):
            await client.jobs.wait(JOB)
    assert waits == []


async def test_a_service_that_stays_away_is_given_up_after_minutes(waits: list[float]) -> None:
    script = Script(*[httpx.ConnectError] * 12)
    async with script.client as client:
        with pytest.raises(UnreachableError, match="does not answer"):
            await client.jobs.wait(JOB)
    assert 120 < sum(waits) < 300


async def test_streams_that_end_before_they_say_anything_are_given_up(waits: list[float]) -> None:
    script = Script(*[events()] * 12)
    async with script.client as client:
        with pytest.raises(UnreachableError, match="again and again"):
            await client.jobs.wait(JOB)


@pytest.mark.parametrize(
    ("last", "kind", "told"),
    [
        (job("failed", error={"code": "media_empty", "detail": "No sound."}), JobFailedError, "No sound"),
        (job("cancelled"), JobCancelledError, "cancelled"),
    ],
)
def test_waiting_for_a_job_that_fails_says_why(
    last: dict[str, Any], kind: type[JobFailedError], told: str
) -> None:
    seen: list[Job] = []
    with Script(events(last)).sync_client as client, pytest.raises(kind, match=told) as failed:
        client.jobs.wait(JOB, seen.append)
    assert type(failed.value) is kind
    assert failed.value.job == seen[0]


async def test_a_poll_obeys_the_service(waits: list[float]) -> None:
    script = Script(
        httpx.Response(200, json=job("queued"), headers={"ETag": '"1"', "Retry-After": "33"}),
        httpx.Response(304, headers={"Retry-After": "2"}),
        httpx.Response(200, json=job(), headers={"ETag": '"2"', "Preference-Applied": "wait=60"}),
        httpx.Response(200, json=job(), headers={"ETag": '"2"', "Retry-After": "3"}),  # does not hold
        httpx.Response(200, json=job("succeeded")),
    )
    async with script.client as client:
        assert [each.status async for each in client.jobs.poll(JOB)] == ["queued", "running", "succeeded"]
    asked = [
        (request.headers.get("If-None-Match"), request.headers.get("Prefer")) for request in script.requests
    ]
    assert asked == [("", None), ('"1"', None), (None, "wait=60"), (None, "wait=60"), (None, "wait=60")]
    assert waits == [33.0, 3.0]


def numbered(n: int, status: str, **members: Any) -> dict[str, Any]:
    return job(status, **members) | {"id": str(UUID(int=JOB.int + n))}


async def test_many_are_followed_by_one_list(waits: list[float]) -> None:
    def active(*jobs: dict[str, Any], cursor: str | None = None) -> httpx.Response:
        return httpx.Response(200, json={"items": list(jobs), "next_cursor": cursor})

    ids = [UUID(int=JOB.int + n) for n in range(3)]
    stranger, older = numbered(7, "running"), numbered(-1, "queued")
    script = Script(
        active(stranger, numbered(2, "queued"), numbered(1, "running")),
        httpx.Response(200, json=numbered(0, "failed")),  # not in the list: it is over
        active(stranger, numbered(2, "running"), numbered(1, "running"), cursor="not asked for"),
        active(older, cursor="not asked for"),
        httpx.Response(200, json=numbered(1, "succeeded")),
        httpx.Response(200, json=numbered(2, "succeeded")),
    )
    async with script.client as client:
        seen = [(ids.index(each.id), each.status) async for each in client.jobs.follow_all(ids)]
    assert seen == [
        (0, JobStatus.FAILED), (1, JobStatus.RUNNING), (2, JobStatus.QUEUED), (2, JobStatus.RUNNING),
        (1, JobStatus.SUCCEEDED), (2, JobStatus.SUCCEEDED),
    ]  # fmt: skip
    assert waits == [2.0, 2.0]
    assert script.requests[0].url.params.get_list("status") == ["queued", "running"]


def parsed(*chunks: bytes) -> list[Event]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


STREAM = (
    ": a comment\r\nretry: 1500\n\n"
    'event: job\r\nid: 7\ndata: {"a": "\u2028é"}\r\rdata\ndata: two\n\n'
    "id: \0\nevent: x\n\n"
)


def test_a_stream_means_the_same_however_it_is_cut() -> None:
    content = STREAM.encode()
    whole = [Event("job", '{"a": "\u2028é"}', "7"), Event("message", "\ntwo", "7")]
    assert parsed(content) == whole
    assert parsed(*(bytes([each]) for each in content)) == whole
    for cut in range(len(content)):
        assert parsed(content[:cut], content[cut:]) == whole


def test_the_time_to_reconnect_is_heard() -> None:
    parser = EventParser()
    list(parser.feed(b"retry: 1500\nretry: soon\n"))
    assert parser.retry_s == 1.5
