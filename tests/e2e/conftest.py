"""The whole service as it is deployed: the API and a worker as processes, the local engine, HTTP between us."""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from deploy.local.postgres import Postgres
from deploy.local.processes import Program, free_port, stop_all, wait_until
from deploy.local.redis import Redis
from deploy.local.services import ready
from shared.errors import EngineMisconfiguredError
from shared.settings import known_settings
from shared.store_claims import OWNERS
from tests.conftest import TEMPLATE
from tests.fixtures.processes import descendants
from worker_service.engines.local.weights import BASE, VOICES, verify

ROOT = Path(__file__).parents[2]
MODELS = Path(os.environ.get("TRANSCRIPTS_MODELS_DIR", ROOT / ".local/models")).resolve()
MAX_UPLOAD_BYTES = 8_000_000
MAX_AUDIO_HOURS = 0.05


@dataclass
class Service:
    """A running API and worker, and the stores behind them."""

    url: str
    database_url: str
    queue: str
    redis: Redis
    folder: Path
    api: Program
    worker: Program

    @property
    def objects(self) -> set[str]:
        """The files in the object store, those that are being written included; not whose store it is."""
        root = self.folder / "objects"
        names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        return {name for name in names if not name.startswith(f"{OWNERS}/")}

    @property
    def scratch(self) -> list[str]:
        """What runs have left in the worker's folder for temporary files."""
        return [str(path) for path in (self.folder / "scratch").rglob("*")]

    @property
    def decoders(self) -> list[str]:
        """The worker's processes that read recordings."""
        return [
            command
            for command in descendants(self.worker.pid).values()
            if "worker_service.media.child" in command
        ]

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """What the database says."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def idle(self) -> None:
        """Wait until the queue holds nothing; the test's own timeout is the limit."""
        while self.redis.ask(f"ZCARD {self.queue}") != [b":0"]:
            await asyncio.sleep(0.02)

    def logs(self) -> str:
        """The last lines of both, for a failure that nothing else explains."""
        return "\n".join([*self.api.last_lines(30), *self.worker.last_lines(30)])


@pytest.fixture(scope="module")
def service(
    postgres_server: Postgres, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One service for the module, with low limits; the models are loaded by the first job that needs them."""
    _need_models()
    folder = tmp_path_factory.mktemp("service")
    (folder / "scratch").mkdir()
    queue, database = f"e2e-{secrets.token_hex(4)}", f"e2e_{secrets.token_hex(4)}"
    asyncio.run(_query(postgres_server, f'CREATE DATABASE "{database}" TEMPLATE "{TEMPLATE}"'))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "DATABASE_URL": postgres_server.url(database),
        "REDIS_URL": redis_server.url(),
        "PORT": str(port),
        "TRANSCRIPTS_QUEUE_NAME": queue,
    }
    environment = _environment(folder, settings)
    programs = [
        Program(
            name,
            [sys.executable, "-m", f"{name}_service"],
            log=folder / f"{name}.log",
            env=environment,
            cwd=folder,
        )
        for name in ("api", "worker")
    ]
    found = Service(url, settings["DATABASE_URL"], queue, redis_server, folder, *programs)
    try:
        assert wait_until(lambda: ready(url), programs[0], 300), found.logs()
        assert wait_until(lambda: "worker starts" in programs[1].log.read_text(), programs[1], 300), (
            found.logs()
        )
        yield found
    finally:
        stop_all(programs, 120)
    assert [program.returncode for program in programs] == [0, 0], found.logs()
    asyncio.run(_query(postgres_server, f'DROP DATABASE "{database}" WITH (FORCE)'))


def _environment(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in known_settings()}
    return {
        **kept,
        "TRANSCRIPTS_STORAGE_URL": (folder / "objects").as_uri(),
        "TRANSCRIPTS_SCRATCH_DIR": str(folder / "scratch"),
        "TRANSCRIPTS_MODELS_DIR": str(MODELS),
        "TRANSCRIPTS_MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES),
        "TRANSCRIPTS_MAX_AUDIO_HOURS": str(MAX_AUDIO_HOURS),
        "TRANSCRIPTS_STATUS_SECONDS": "0.05",
        "TRANSCRIPTS_WATCH_SECONDS": "0.05",
        **settings,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service."""
    async with httpx.AsyncClient(base_url=service.url, timeout=300) as http:
        yield http


async def finished(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """The job once it has ended."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        job: dict[str, Any] = (await client.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=60"})).json()
        if job["status"] in {"succeeded", "failed", "cancelled"}:
            return job
    raise AssertionError(f"not finished: {job}")


def _need_models() -> None:
    for weights in (BASE, VOICES):
        try:
            verify(weights, MODELS)
        except EngineMisconfiguredError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(error.detail)


async def _query(server: Postgres, text: str) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(text)
    finally:
        await connection.close()
