"""The API and a worker under one supervisor, as the combined image runs them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.local.processes import free_port
from shared.settings import known_settings
from tests.fixtures.audio import tone_wav
from tests.fixtures.processes import descendants
from tests.fixtures.repository import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="it is process 1 of a container, which is Linux"
)


@dataclass
class Combined:
    """Both, running."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    environment: dict[str, str]
    log: Path

    def child(self, module: str) -> int:
        """The pid of one of the two."""
        (pid,) = (pid for pid, line in descendants(self.process.pid).items() if line.endswith(f"-m {module}"))
        return pid


@asynccontextmanager
async def combined(folder: Path, database_url: str, redis_url: str) -> AsyncIterator[Combined]:
    port = free_port(0)
    inherited = {name: value for name, value in os.environ.items() if name not in known_settings()}
    environment = inherited | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": (folder / "objects").as_uri(),
        "TRANSCRIPTS_ENGINES": "scripted",
        "TRANSCRIPTS_DEFAULT_ENGINE": "scripted",
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    log = folder / "combined.log"
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.combined", cwd=folder, env=environment, stdout=sink, stderr=sink
        )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=300) as http:
        try:
            yield Combined(process, http, environment, log)
        finally:
            if process.returncode is None:
                process.kill()


async def reached_readiness(site: Combined) -> None:
    while True:
        assert site.process.returncode is None, site.log.read_text()
        try:
            answer = await site.http.get("/readyz")
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == 200 and answer.json()["checks"]["workers"]["ok"]:
            return
        await asyncio.sleep(0.05)


async def probe(site: Combined) -> int:
    command = (sys.executable, "-m", "deploy.combined.probe")
    done = await asyncio.to_thread(
        subprocess.run, command, env=site.environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode


async def test_a_recording_becomes_a_transcript_and_sigterm_ends_both(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    """F10, F36."""
    async with combined(tmp_path, database_url, redis_url) as site:
        await reached_readiness(site)
        assert await probe(site) == 0
        made = await site.http.post("/v1/sessions", files={"audio": ("a.wav", tone_wav(1.0))})
        assert made.status_code == 202, made.text
        while (await site.http.get(f"/v1/jobs/{made.json()['job']['id']}")).json()["status"] != "succeeded":
            await asyncio.sleep(0.05)
        children = descendants(site.process.pid)
        site.process.send_signal(signal.SIGTERM)
        assert await site.process.wait() == 0, site.log.read_text()
        assert not children.keys() & descendants().keys()
        assert await probe(site) == 1


@pytest.mark.parametrize("module", ["api_service", "worker_service"])
async def test_it_dies_with_either(tmp_path: Path, database_url: str, redis_url: str, module: str) -> None:
    async with combined(tmp_path, database_url, redis_url) as site:
        await reached_readiness(site)
        os.kill(site.child(module), signal.SIGKILL)
        assert await site.process.wait() == 128 + signal.SIGKILL
        with pytest.raises(httpx.TransportError):
            await site.http.get("/healthz")


def test_settings_are_looked_at_before_anything_is_started(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.combined"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "DATABASE_URL is not set" in done.stderr
