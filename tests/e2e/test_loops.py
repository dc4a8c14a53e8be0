"""F17: while sound is worked through and long transcripts are saved and read, the event loops stay free."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api_service.server import ready_server
from shared.segments import segment
from shared.settings import ApiSettings, WorkerSettings
from tests.e2e.conftest import MODELS, finished
from tests.fixtures.audio import tone_wav
from worker_service.engines.port import SpeechRequest
from worker_service.engines.scripted import ScriptedEngine
from worker_service.services import open_services

pytestmark = pytest.mark.models

SPEECH = Path(__file__).parents[1] / "fixtures/recordings/librivox_0870.flac"
WORDS = 40_000  # some four hours of speech


class Watch:
    """Ticks on the loop; knows how long its thread computed between two ticks, whatever else the machine does."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.ticks = 0

    async def run(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0.002)
            now = time.thread_time()
            self.longest_s, before = max(self.longest_s, now - before), now
            self.ticks += 1


@asynccontextmanager
async def beside(*loops: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(loop()) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def service(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The API and a worker, both on this test's loop; a client of them."""
    given: dict[str, Any] = {
        "_env_file": None,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": (tmp_path / "objects").as_uri(),
    }
    api = ApiSettings(**given | {"PORT": 0, "TRANSCRIPTS_DEFAULT_ENGINE": "scripted"})
    worker = WorkerSettings(
        **given | {"TRANSCRIPTS_ENGINES": "local,scripted", "TRANSCRIPTS_MODELS_DIR": MODELS}
    )
    async with ready_server(api) as server, open_services(worker) as services:
        serving = asyncio.create_task(server.run_until_stopped())
        working = asyncio.create_task(services.worker.async_run())
        async with beside(*services.loops):
            async with httpx.AsyncClient(base_url=server.url, timeout=90) as http:
                yield http
            services.worker.stop()
            await working
        server.should_exit = True
        await serving


async def test_speech_is_recognised_while_the_loop_is_free(service: httpx.AsyncClient) -> None:
    """The upload, the decoder, the models, the answer: none of it computes here."""
    watch = Watch()
    async with beside(watch.run):
        sent = await service.post(
            "/v1/sessions", files={"audio": ("a.flac", SPEECH.read_bytes())}, data={"engine": "local"}
        )
        job = await finished(service, sent.json()["job"]["id"])
    assert job["status"] == "succeeded", job
    assert watch.longest_s < 0.1
    assert watch.ticks > 100


async def test_a_transcript_of_hours_holds_the_loop_neither_when_saved_nor_when_read(
    service: httpx.AsyncClient,
) -> None:
    """Measured against what it takes to cut its words into segments, here and now: that alone must not be on it."""
    order = SpeechRequest(uuid4(), 1, Path("none"), 1000, model=f"words={WORDS}")
    heard = await ScriptedEngine().follow(order, "scripted/x/1", lambda _: None)
    began = time.thread_time()
    segment(heard.words)
    at_once_s = time.thread_time() - began
    watch = Watch()
    async with beside(watch.run):
        sent = await service.post(
            "/v1/sessions", files={"audio": ("a.wav", tone_wav(1))}, data={"model": f"words={WORDS}"}
        )
        job = await finished(service, sent.json()["job"]["id"])
        assert job["status"] == "succeeded", job
        saving_s, watch.longest_s = watch.longest_s, 0.0
        for name in ("json", "txt", "csv"):
            answer = await service.get(f"/v1/sessions/{job['session_id']}/transcript?format={name}")
            assert answer.status_code == 200
            assert len(answer.content) > WORDS * 5
    assert saving_s < at_once_s
    assert watch.longest_s < at_once_s / 2
