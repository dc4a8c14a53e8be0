"""The API as it runs: a real uvicorn on a free port, over a real Postgres and a real Redis of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog

from api_service.server import ApiServer, ready_server
from shared.database import Pool, open_pool, transaction
from shared.jobs.repository import JobRepository
from shared.records import JobRecord
from shared.settings import ApiSettings
from shared.transcript import Role, Segment, Speaker, Word
from shared.transcripts.repository import TranscriptRepository
from tests.fixtures.audio import tone_wav
from tests.fixtures.command_line import CommandServer

WAV = tone_wav(0.5)
HOW_ARE_YOU = tuple(
    Word(text, start, start + 200, 0.9, 1) for text, start in (("How", 0), ("are", 300), ("you?", 700))
)


@dataclass
class Api:
    """A running API, a client of it, and the stores behind it."""

    http: httpx.AsyncClient
    server: ApiServer
    pool: Pool
    settings: ApiSettings
    folder: Path

    async def send(self, audio: bytes = WAV, name: str = "call.wav", **fields: Any) -> dict[str, Any]:
        """Send a recording; returns the answer's body."""
        answer = await self.http.post("/v1/sessions", files={"audio": (name, audio)}, data=fields)
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """GET a path."""
        return await self.http.get(path, headers={n.replace("_", "-"): v for n, v in headers.items()})

    @property
    def jobs(self) -> JobRepository:
        """The jobs, as a worker changes them."""
        return JobRepository(self.pool)

    async def succeed(self, job: JobRecord) -> None:
        """End a claimed job as a worker does, with a transcript of two segments."""
        async with transaction(self.pool) as connection:
            warnings = [{"code": "quiet", "detail": "The client is hard to hear."}]
            assert await self.jobs.succeed(connection, job, warnings=warnings, model="m1", language="en")
            segments = [
                Segment(0, 0, 900, "How are you?", 1, 0.9, HOW_ARE_YOU),
                Segment(1, 900, 2000, "Well. <b>", 2),
            ]
            speakers = [Speaker(1, "Coach", Role.COACH, 0.8), Speaker(2, "Client", Role.CLIENT, 0.8)]
            await TranscriptRepository(self.pool).replace(connection, job.session_id, segments, speakers)

    async def claimed(self, sent: dict[str, Any]) -> JobRecord:
        """The job of an answer, claimed by a worker."""
        job = await self.jobs.claim(UUID(sent["job"]["id"]), "worker-1")
        assert job is not None
        return job

    def stored(self) -> list[Path]:
        """The files in the object store, those that are being written included."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


async def eventually(check: Callable[[], Awaitable[Any]]) -> Any:
    """What `check` returns, once that is true; pytest's own timeout ends a vain wait."""
    while not (found := await check()):
        await asyncio.sleep(0.01)
    return found


StartApi = Callable[..., AbstractAsyncContextManager[Api]]


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> Iterator[None]:
    """Tracebacks in colour, which structlog draws where nobody configured it, take seconds."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    yield
    structlog.configure(**before)


@asynccontextmanager
async def running_api(database_url: str, redis_url: str, folder: Path, **settings: Any) -> AsyncIterator[Api]:
    """An API with settings of the caller's choice; its object store is in `folder`."""
    given: dict[str, Any] = {
        "_env_file": None,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": (folder / "objects").as_uri(),
        "TRANSCRIPTS_DEFAULT_ENGINE": "scripted",
        "TRANSCRIPTS_WATCH_SECONDS": 0.05,
        "PORT": 0,
        **settings,
    }
    chosen = ApiSettings(**given)
    async with ready_server(chosen) as server:
        serving = asyncio.create_task(server.run_until_stopped())
        pool = await open_pool(database_url, size=4, name="test")
        try:
            async with httpx.AsyncClient(base_url=server.url, timeout=300) as http:
                yield Api(http, server, pool, chosen, folder / "objects")
        finally:
            server.should_exit = True
            await serving
            await pool.close()


@pytest.fixture
def start_api(database_url: str, redis_url: str, tmp_path: Path) -> StartApi:
    """Starts an API with settings of the test's choice."""
    return partial(running_api, database_url, redis_url, tmp_path)


@pytest.fixture
async def api(start_api: StartApi) -> AsyncIterator[Api]:
    """A running API."""
    async with start_api() as running:
        yield running


@pytest.fixture(scope="session")
def command_server() -> Iterator[CommandServer]:
    """What starts the command for tests that run it often."""
    server = CommandServer()
    yield server
    server.close()
