"""A new version is rolled out while the one before still runs: each side works with the other on the newest schema.

Both are real processes of this environment, the older one with its files from the repository's history.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.api_process import ApiProcess
from tests.fixtures.audio import tone_wav
from tests.fixtures.history import previous_version, unpacked
from tests.fixtures.worker_process import ROOT, a_worker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the version before."""
    return unpacked(previous_version(), tmp_path_factory.mktemp("before"))


@asynccontextmanager
async def an_api(
    folder: Path, database_url: str, redis_url: str, code: Path
) -> AsyncIterator[httpx.AsyncClient]:
    api = await ApiProcess(folder, database_url, redis_url, PYTHONPATH=str(code)).start()
    try:
        async with httpx.AsyncClient(base_url=api.url, timeout=300) as http:
            yield http
    finally:
        await api.end()


async def sent(http: httpx.AsyncClient, **fields: str) -> dict[str, Any]:
    """The job of a recording that was just sent."""
    answer = await http.post("/v1/sessions", files={"audio": ("a.wav", tone_wav(0.5))}, data=fields)
    assert answer.status_code == 202, answer.text
    return dict(answer.json()["job"])


async def ended(http: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    """The same job, once it has ended."""
    while job["status"] not in {"succeeded", "failed", "cancelled"}:
        job = (await http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=20"})).json()
    return job


@pytest.mark.parametrize("newer", ["api", "worker"])
async def test_one_side_is_older(
    before: Path, newer: str, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """The schema is the newest one in both cases: migrations run first."""
    new, old = (ROOT, before) if newer == "api" else (before, ROOT)
    storage = tmp_path / "objects"
    async with (
        an_api(tmp_path, database_url, redis_url, new) as http,
        a_worker(tmp_path / "worker.log", database_url, redis_url, storage, PYTHONPATH=str(old)),
    ):
        job = await ended(http, await sent(http))
        assert (job["status"], job["error"], job["progress"]) == ("succeeded", None, 100)
        transcript = (await http.get(f"/v1/sessions/{job['session_id']}/transcript")).json()
        assert transcript["segments"]
        workers = (await http.get("/v1/ops/workers")).json()["items"]
        assert [worker["state"] for worker in workers] == ["running"]


@pytest.mark.parametrize("leaves", ["older", "newer"])
async def test_a_job_goes_from_one_version_to_the_other(
    before: Path, leaves: str, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """A roll-out, and a roll-back: the worker that is stopped hands its job over, and no attempt is counted."""
    goes, comes = (before, ROOT) if leaves == "older" else (ROOT, before)
    stores = database_url, redis_url, tmp_path / "objects"
    async with (
        an_api(tmp_path, database_url, redis_url, ROOT) as http,
        a_worker(tmp_path / "goes.log", *stores, PYTHONPATH=str(goes)) as first,
    ):
        job = await sent(http, model="seconds=3")
        while job["status"] != "running":
            await asyncio.sleep(0.05)
            job = (await http.get(f"/v1/jobs/{job['id']}")).json()
        async with a_worker(tmp_path / "comes.log", *stores, PYTHONPATH=str(comes)) as second:
            assert await first.stop() == 0
            job = await ended(http, job)
            assert (job["status"], job["error"]) == ("succeeded", None)
            assert job["id"] in second.text
            assert job["id"] in first.text


def test_the_older_process_runs_the_older_files(before: Path, tmp_path: Path) -> None:
    """And not what is installed here."""
    found = subprocess.run(
        [sys.executable, "-c", "import shared, worker_service; print(shared.__file__, worker_service.__file__)"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(before)}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert found.count(str(before)) == 2
