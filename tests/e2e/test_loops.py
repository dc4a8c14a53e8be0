"""F17: while a long transcript is saved and read, the event loops of API and worker stay free."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api_service.server import ready_server
from shared.segments import segment
from shared.settings import ApiSettings, WorkerSettings
from tests.e2e.conftest import finished
from tests.fixtures.audio import tone_wav
from tests.fixtures.loop_work import LoopWork
from worker_service.engines.port import SpeechRequest
from worker_service.engines.scripted import ScriptedEngine
from worker_service.services import open_services

WORDS = 10_000  # more than an hour of speech
SEGMENTS = WORDS // 8  # as the script's speakers take turns
AUDIO = tone_wav(1)


@pytest.fixture
async def service(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The API and a worker, both on this test's loop; a client of them."""
    given: dict[str, Any] = {
        "_env_file": None,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": (tmp_path / "objects").as_uri(),
        "TRANSCRIPTS_SCRATCH_DIR": tmp_path,
    }
    api = ApiSettings(**given | {"PORT": 0, "TRANSCRIPTS_DEFAULT_ENGINE": "scripted"})
    worker = WorkerSettings(**given | {"TRANSCRIPTS_ENGINES": "scripted"})
    async with ready_server(api) as server, open_services(worker) as services:
        serving = asyncio.create_task(server.run_until_stopped())
        working = asyncio.create_task(services.worker.async_run())
        beside = [asyncio.create_task(loop()) for loop in services.loops]
        async with httpx.AsyncClient(base_url=server.url, timeout=300) as http:
            yield http
        services.worker.stop()
        await working
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        server.should_exit = True
        await serving


async def transcribed(service: httpx.AsyncClient, words: int) -> str:
    """A recording sent and heard; its session's id."""
    audio, script = {"audio": ("a.wav", AUDIO)}, {"model": f"words={words}"}
    sent = await service.post("/v1/sessions", files=audio, data=script)
    job = await finished(service, sent.json()["job"]["id"])
    assert job["status"] == "succeeded", job
    return str(job["session_id"])


async def read(service: httpx.AsyncClient, session_id: str, kind: str) -> bytes:
    """Its transcript as a file."""
    answer = await service.get(f"/v1/sessions/{session_id}/transcript?format={kind}")
    assert answer.status_code == 200, answer.text
    return answer.content


async def test_a_long_transcript_holds_the_loop_neither_when_saved_nor_when_read(
    service: httpx.AsyncClient,
) -> None:
    """In no turn of the loop is anything done for each segment, or all of it put into JSON."""
    few = await transcribed(service, 20)  # libraries are loaded with their first use
    await read(service, few, "json")
    request = SpeechRequest(uuid4(), 1, Path("none"), 1_000, model=f"words={WORDS}")
    heard = await ScriptedEngine().follow(request, "", lambda _: None)  # what is heard stays in memory
    assert len(segment(heard.words)) >= SEGMENTS

    work = LoopWork()
    with work.counting():
        many = await transcribed(service, WORDS)
    assert work.most_calls < SEGMENTS / 10, str(work)
    assert work.longest_json < WORDS, str(work)
    for kind in ("json", "txt", "csv"):
        work = LoopWork()
        with work.counting():
            file = await read(service, many, kind)
        assert len(file) > WORDS * 5
        assert work.most_calls < SEGMENTS / 10, str(work)
        assert work.longest_json < WORDS, str(work)
