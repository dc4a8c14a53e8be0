"""One trace from the request to the transcript: API and worker as processes, a real collector of ours."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.local.processes import free_port
from shared.database import open_pool
from shared.errors import CancelledByUserError
from shared.ids import new_id
from shared.jobs.repository import JobRepository
from shared.pepper import Pepper
from shared.tenants import DEFAULT_TENANT
from shared.webhooks.endpoints import EndpointRepository
from shared.webhooks.records import EndpointRecord
from shared.webhooks.signing import new_secret
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.both_services import Site, a_site
from tests.fixtures.collector import Collector, Seen, a_collector
from tests.fixtures.keys import PEPPER
from tests.fixtures.receiver import a_receiver
from tests.fixtures.rows import stored_job

pytest_plugins = ("tests.fakes.google.fixtures",)

TRACE = "ab" * 16
CALLER = f"00-{TRACE}-{'cd' * 8}-01"
OTHER_TRACE = "12" * 16
OTHER_CALLER = f"00-{OTHER_TRACE}-{'34' * 8}-01"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with a_collector() as running:
        yield running


@pytest.fixture
async def site(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(database_url, redis_url, tmp_path) as running:
        yield running


def attempts(spans: list[Seen]) -> list[Seen]:
    return [span for span in spans if span.name == "attempt"]


def below(spans: list[Seen], parent: Seen) -> list[Seen]:
    return [span for span in spans if span.parent == parent.id]


async def test_one_trace_from_the_caller_to_the_transcript(
    site: Site, collector: Collector, google: FakeGoogle
) -> None:
    """A job that goes well, one that is tried again, and what must not be seen of either."""
    google.settings(operation_ms=0, require_auth=True)
    settings = {
        **collector.settings, **google_settings(google), "TRANSCRIPTS_ENGINES": "scripted,google",
        "TRANSCRIPTS_FETCH_NETWORKS": "127.0.0.0/8", "TRANSCRIPTS_RETRY_BASE_SECONDS": "0.1",
    }  # fmt: skip
    await site.start_api(**settings)
    async with site.worker(**settings) as worker:
        job = await site.send("", engine="google", traceparent=CALLER)
        assert job["trace_id"] == TRACE
        again = await site.send("fail=engine_unavailable,until=2", traceparent=OTHER_CALLER)
        assert site.api is not None
        async with site.http() as http:
            await http.get("/v1/search", params={"q": "Kilimanjaro"})
            nowhere = f"http://127.0.0.1:{free_port()}/a.wav?token=hunter2"
            await http.post("/v1/sessions", json={"source_url": nowhere})
        assert (await site.ended(job))["status"] == (await site.ended(again))["status"] == "succeeded"
        await collector.until(lambda spans: len(attempts(spans)) >= 4 and any(s["url.query"] for s in spans))
        assert await worker.stop() == 0
    whole = collector.spans
    assert len({span.id for span in whole}) == len(whole)
    assert "GET /v1/jobs/{job_id}" in {span.name for span in whole}  # the short way of a poll, too
    is_whole([span for span in whole if span.trace == TRACE], job)
    is_linked([span for span in whole if span.trace == OTHER_TRACE])
    is_discreet(collector.raw, *site.where)
    for token in ("Bearer", "PRIVATE KEY"):
        assert token.encode() not in collector.raw
    are_bound(lines(worker.text), lines(site.api.log.read_text()), job["id"], attempts(whole))


def is_whole(spans: list[Seen], job: Any) -> None:
    """From the caller's span down to the statements of each phase."""
    request = next(span for span in spans if span.name == "POST /v1/sessions")
    assert request.parent == "cd" * 8
    assert (request.service, request["http.response.status_code"]) == ("transcripts-api", 202)
    assert request["request.id"]
    in_request = [span.name for span in below(spans, request)]
    assert in_request.index("postgres INSERT") < in_request.index("postgres COMMIT")
    assert in_request.index("postgres COMMIT") < in_request.index("redis ring")
    [attempt] = attempts(spans)
    assert (attempt.parent, attempt.service) == (request.id, "transcripts-worker")
    assert attempt["job.id"] == job["id"]
    assert (attempt["job.attempt"], attempt["engine"], attempt["outcome"]) == (1, "google", "succeeded")
    assert attempt["waited_s"] >= 0
    assert attempt.links == []
    assert not attempt.failed
    phases = [span for span in below(spans, attempt) if not span.name.startswith("postgres")]
    assert [span.name for span in phases] == ["prepare", "upload", "submit", "follow", "save"]
    for phase in phases:
        assert attempt.span.start_time_unix_nano <= phase.span.start_time_unix_nano
        assert phase.span.end_time_unix_nano <= attempt.span.end_time_unix_nano
    calls = {phase.name: {span.name for span in below(spans, phase)} for phase in phases}
    assert {"storage POST", "storage PUT"} <= calls["upload"]
    assert "google.speech BatchRecognize" in calls["submit"]
    assert "postgres COMMIT" in calls["save"]
    # The follower asks for all operations at once: it is in nobody's trace.
    assert not any("Operation" in span.name for span in spans)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def are_bound(worker: list[dict[str, Any]], api: list[dict[str, Any]], job: str, traced: list[Seen]) -> None:
    """Every line of an attempt tells whose it is, the libraries' lines too; a request's does from the commit on."""
    of_job = [line for line in worker if line.get("job_id") == job]
    assert {"job claimed", "operation runs", "job succeeded"} <= {line["event"] for line in of_job}
    for line in of_job:
        assert (line["attempt"], line["trace_id"], line["service"]) == (1, TRACE, "worker")
        assert line["request_id"]
        assert len(line["span_id"]) == 16
    [attempt] = [span for span in traced if span["job.id"] == job]
    assert of_job[0]["span_id"] == attempt.id
    [request] = [line for line in api if line["event"] == "request" and line.get("job_id") == job]
    assert (request["trace_id"], request["path"], request["status"]) == (TRACE, "/v1/sessions", 202)
    assert request["request_id"] == of_job[0]["request_id"]
    assert all(line["request_id"] for line in api if line["event"] == "request")


def is_linked(spans: list[Seen]) -> None:
    """A retry is a span of its own in the same trace."""
    first, second = attempts(spans)
    assert (first.failed, first["error.type"], first["outcome"]) == (True, "engine_unavailable", "will_retry")
    assert second.links == [first.id]
    assert (second.parent, second.failed) == (first.parent, False)


def is_discreet(everything: bytes, *urls: str) -> None:
    """F39: titles, names, phrases, words, queries, addresses and passwords stay at home."""
    for private in ("A private title", "Secret name", "Zanzibar", "word1", "Kilimanjaro", "hunter2"):
        assert private.encode() not in everything
    for url in urls:
        password = url.split("://")[1].split("@")[0].rpartition(":")[2]
        assert password
        assert password.encode() not in everything


async def test_a_takeover_of_an_untraced_request_s_job_is_linked_too(
    site: Site, collector: Collector
) -> None:
    """The first worker was killed and sent nothing; its span is known all the same."""
    await site.start_api()
    async with site.worker("one", TRANSCRIPTS_LEASE_SECONDS="1", **collector.settings) as one:
        job = await site.send("seconds=0.5")
        assert job["trace_id"] is None
        await one.wrote("job claimed")
        await one.kill()
        async with site.worker("two", TRANSCRIPTS_LEASE_SECONDS="1", **collector.settings) as two:
            await site.ended(job)
            await collector.until(lambda spans: bool(attempts(spans)))
            assert await two.stop() == 0
    [second] = attempts(collector.spans)
    assert second["job.attempt"] == 2
    assert second.parent == ""
    [link] = second.span.links
    assert link.trace_id.hex() == second.trace
    assert link.span_id.hex() not in {span.id for span in collector.spans}


async def test_a_webhook_goes_on_with_the_trace(site: Site, collector: Collector) -> None:
    async with await open_pool(site.where[0], size=2, name="test") as pool, a_receiver() as receiver:
        now, endpoint = datetime.now(UTC), new_id()
        await EndpointRepository(pool).add(
            EndpointRecord(
                id=endpoint, tenant_id=DEFAULT_TENANT, url=f"{receiver.url}/hook?token=hunter2", description="",
                events=["job.cancelled"], secret=Pepper([PEPPER]).seal(new_secret().encode()), old_secret=None,
                old_secret_until=None, disabled_at=None, disabled_reason=None, created_at=now, updated_at=now,
            )
        )  # fmt: skip
        job = await stored_job(pool, traceparent=CALLER)
        await JobRepository(pool).cancel(job.id, job.tenant_id, CancelledByUserError())
        settings = {"TRANSCRIPTS_PEPPER": PEPPER, "TRANSCRIPTS_FETCH_NETWORKS": "127.0.0.0/8"}
        async with site.worker(**collector.settings, **settings):
            [message] = await receiver.first(1)
            [span] = await collector.until(lambda spans: any(span.name == "webhook" for span in spans))
    assert (span.trace, span.parent) == (TRACE, "cd" * 8)
    assert (span["event"], span["attempt"], span["http.response.status_code"]) == ("job.cancelled", 1, 204)
    assert message.headers["traceparent"] == f"00-{TRACE}-{span.id}-01"
    assert b"hunter2" not in collector.raw


async def test_a_collector_that_is_away_disturbs_nothing(site: Site) -> None:
    """No job fails, no answer is late, and the services stop as soon as they did before."""
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    await site.start_api(**away)
    async with site.worker(**away) as worker:
        assert (await site.ended(await site.send()))["status"] == "succeeded"
        async with asyncio.timeout(300):
            assert await worker.stop() == 0
            assert site.api is not None
            await site.api.end()
    assert "Traceback" not in worker.text + site.api.log.read_text()


async def test_the_sampler_is_the_one_that_is_set(site: Site, collector: Collector) -> None:
    """F37: OTEL_TRACES_SAMPLER and its argument, also from `.env`."""
    (site.folder / ".env").write_text(
        "OTEL_TRACES_SAMPLER=parentbased_traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.0\n"
    )
    await site.start_api(**collector.settings, OTEL_EXPORTER_OTLP_HEADERS="x-tenant=mine")
    async with site.worker(**collector.settings):
        unsampled = await site.send()
        sampled = await site.send(traceparent=CALLER)
        await site.ended(unsampled)
        await site.ended(sampled)
        await collector.until(lambda spans: bool(attempts(spans)))
    assert {span.trace for span in collector.spans} == {TRACE}
    assert len(unsampled["trace_id"]) == 32
    assert "mine" in {message.headers.get("x-tenant") for message in collector.receiver.got}


def loaded(service: str, **settings: str) -> str:
    code = (
        "import sys; from shared.observation import telemetry; from shared.settings.observation import Observation\n"
        f"telemetry.configure(Observation(**{settings!r}), 'api')\n"
        f"import {service}\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("service", ["api_service.main", "worker_service.main"])
def test_nothing_is_loaded_where_there_is_no_collector(service: str) -> None:
    assert loaded(service) == "[]\n"
