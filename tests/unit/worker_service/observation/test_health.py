"""The worker's health server, as probes and scrapers see it: HTTP in, the truth out."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.errors import SetupError
from worker_service.observation import health, stalls
from worker_service.observation.health import HealthServer, Pulse
from worker_service.observation.metrics import WorkerMetrics


@dataclass
class Site:
    """A server, and what it looks at."""

    http: httpx.AsyncClient
    port: int
    pulse: Pulse
    metrics: WorkerMetrics
    takes_jobs: bool = True


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    metrics = WorkerMetrics()
    pulse = Pulse(metrics.lagged)
    found: list[Site] = []
    server = HealthServer(pulse=pulse, takes_jobs=lambda: found[0].takes_jobs, metrics=metrics.render)
    async with (
        server.listening("127.0.0.1", 0) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        found.append(Site(http, port, pulse, metrics))
        yield found[0]


async def test_alive_and_ready(site: Site) -> None:
    for path in ("/healthz", "/readyz", "/readyz?verbose"):
        assert (await site.http.get(path)).status_code == 200
    head = await site.http.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_stale_heartbeat_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """F36: health says what it checked, and can be bad."""
    monkeypatch.setattr(health, "STALE_S", 0.0)
    answer = await site.http.get("/healthz")
    assert (answer.status_code, "no heartbeat" in answer.json()["detail"]) == (503, True)
    monkeypatch.setattr(health, "STALE_S", 60.0)
    site.pulse.beat()
    assert (await site.http.get("/healthz")).status_code == 200


async def test_a_draining_worker_is_alive_and_not_ready(site: Site) -> None:
    site.takes_jobs = False
    assert (await site.http.get("/healthz")).status_code == 200
    assert (await site.http.get("/readyz")).status_code == 503


async def test_what_it_does_not_know_is_refused(site: Site) -> None:
    assert (await site.http.get("/")).status_code == 404
    assert (await site.http.post("/healthz")).status_code == 405


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"\x16\x03\x01\x02",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000,
    ],
)
async def test_what_is_no_request_ends_the_connection(site: Site, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(sent)
    writer.write_eof()
    assert not (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    assert (await site.http.get("/healthz")).status_code == 200


async def test_metrics_are_prometheus_text(site: Site) -> None:
    site.metrics.run_ended("scripted", "succeeded", 3.0)
    site.metrics.saved("scripted", 90_500, 24_134)
    site.metrics.watch({"worker_jobs": ("Jobs", lambda: 4)})
    site.metrics.count({"worker_claimed": ("Claims", lambda: 7)})
    answer = await site.http.get("/metrics")
    samples = {
        (sample.name, sample.labels.get("outcome")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["transcripts_run_seconds_count", "succeeded"] == 1
    assert samples["transcripts_audio_seconds_total", None] == 90.5
    assert samples["transcripts_spent_micro_dollars_total", None] == 24_134
    assert samples["transcripts_worker_jobs", None] == 4
    assert samples["transcripts_worker_claimed_total", None] == 7


async def test_a_disk_that_is_away_fails_no_scrape(site: Site, tmp_path: Path) -> None:
    site.metrics.watch_disk("scratch", tmp_path)
    here = (await site.http.get("/metrics")).text
    assert float(here.split('transcripts_disk_free_bytes{what="scratch"} ')[1].split()[0]) > 0
    tmp_path.rmdir()
    assert 'transcripts_disk_free_bytes{what="scratch"} NaN' in (await site.http.get("/metrics")).text


async def test_lag_is_measured() -> None:
    lags: list[float] = []
    watching = asyncio.create_task(Pulse(lags.append).run())
    while not lags:
        await asyncio.sleep(0.05)
    watching.cancel()
    assert lags[0] >= 0


async def test_a_port_that_is_taken_is_named(site: Site) -> None:
    server = HealthServer(pulse=site.pulse, takes_jobs=lambda: True, metrics=site.metrics.render)
    with pytest.raises(SetupError, match="TRANSCRIPTS_HEALTH_PORT"):
        async with server.listening("127.0.0.1", site.port):
            pass


@contextmanager
def served_from_a_thread() -> Iterator[tuple[asyncio.AbstractEventLoop, httpx.Client]]:
    """A health server whose loop a test may bring to a stand, since the test itself runs beside it."""
    running = threading.Event()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    port = 0

    async def serve() -> None:
        nonlocal port
        pulse = Pulse(lambda _: None)
        watching = asyncio.create_task(pulse.run())
        server = HealthServer(pulse=pulse, takes_jobs=lambda: True, metrics=lambda: b"")
        async with server.listening("127.0.0.1", 0) as port:
            running.set()
            await ended.wait()
        watching.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    running.wait()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as http:
            yield loop, http
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def _becomes_well(http: httpx.Client) -> None:
    """Wait until the loop's watch has come round, on however busy a machine."""
    while http.get("/healthz").status_code != 200:
        time.sleep(0.01)


def test_a_loop_that_stands_still_is_told_and_lives_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """F36, F17: liveness turns 503 while the loop itself can say nothing."""
    monkeypatch.setattr(stalls, "STALLED_S", 2.0)
    goes_on = threading.Event()
    with served_from_a_thread() as (loop, http), contextlib.ExitStack() as at_the_end:
        at_the_end.callback(goes_on.set)
        _becomes_well(http)
        loop.call_soon_threadsafe(goes_on.wait)
        for path in ("/healthz", "/readyz"):
            answer = http.get(path)
            assert (answer.status_code, answer.json()["detail"]) == (503, "the event loop stands still")
        goes_on.set()
        _becomes_well(http)


def test_a_client_that_says_nothing_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalls, "STALLED_S", 1.0)
    monkeypatch.setattr(stalls, "_PATIENCE_S", 0.1)
    goes_on = threading.Event()
    with served_from_a_thread() as (loop, http), contextlib.ExitStack() as at_the_end:
        at_the_end.callback(goes_on.set)
        loop.call_soon_threadsafe(goes_on.wait)
        with contextlib.closing(socket.create_connection((http.base_url.host, http.base_url.port or 0))):
            assert http.get("/healthz").status_code == 503
