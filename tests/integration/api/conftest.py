"""The API as it runs: a real uvicorn on a free port, over a real Postgres and a real Redis of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from api_service.server import ApiServer, ready_server
from shared.database import Pool, open_pool
from shared.settings import ApiSettings
from tests.fixtures.audio import tone_wav

WAV = tone_wav(0.5)


@dataclass
class Api:
    """A running API, a client of it, and the stores behind it."""

    http: httpx.AsyncClient
    server: ApiServer
    pool: Pool
    settings: ApiSettings
    folder: Path
    notes: dict[str, Any] = field(default_factory=dict)

    async def send(self, audio: bytes = WAV, name: str = "call.wav", **fields: Any) -> dict[str, Any]:
        """Send a recording; returns the answer's body."""
        answer = await self.http.post("/v1/sessions", files={"audio": (name, audio)}, data=fields)
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def stored(self) -> list[Path]:
        """The files in the object store, those that are being written included."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


StartApi = Callable[..., AbstractAsyncContextManager[Api]]


@pytest.fixture
def start_api(database_url: str, redis_url: str, tmp_path: Path) -> StartApi:
    """Starts an API with settings of the test's choice."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Api]:
        given: dict[str, Any] = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "TRANSCRIPTS_STORAGE_URL": (tmp_path / "objects").as_uri(),
            "TRANSCRIPTS_DEFAULT_ENGINE": "scripted",
            "TRANSCRIPTS_WATCH_SECONDS": 0.05,
            "PORT": 0,
            **settings,
        }
        chosen = ApiSettings(_env_file=None, **given)
        async with ready_server(chosen) as server:
            serving = asyncio.create_task(server.run_until_stopped())
            pool = await open_pool(database_url, size=4, name="test")
            try:
                async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
                    yield Api(http, server, pool, chosen, tmp_path / "objects")
            finally:
                server.should_exit = True
                await serving
                await pool.close()

    return start


@pytest.fixture
async def api(start_api: StartApi) -> AsyncIterator[Api]:
    """A running API."""
    async with start_api() as running:
        yield running


Wait = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
