"""Every `await` between the claim and the end of an attempt, killed at: one operation is paid for, each time (F6)."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.database import Pool, open_pool
from shared.jobs import JobRepository
from shared.lifecycle import JobStatus
from shared.records import JobRecord
from shared.storage.disk import DiskStore
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.audio import tone_wav
from tests.fixtures.crash_points import KILLED, ROOT
from tests.fixtures.rows import a_session, put_bytes, stored_job

pytest_plugins = ("tests.fakes.google.fixtures",)

_AT_ONCE = 2
MONEY = "worker_service/operations.py"  # between the intent and the name; the slow run takes every module's awaits


@dataclass
class Site:
    """Jobs, and processes in which attempts of them run."""

    pool: Pool
    folder: Path
    settings: dict[str, str]
    runners: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def job(self) -> JobRecord:
        session = a_session()
        await put_bytes(DiskStore(self.folder), session.audio_key, tone_wav(1.0))
        return await stored_job(self.pool, session=session, engine="google")

    async def run(self, job: JobRecord, target: str | None = None) -> tuple[int, list[str]]:
        """One attempt; returns how its process ended, and the points that it passed."""
        order = {"job": str(job.id), "target": target, "settings": self.settings, "objects": str(self.folder)}
        runner = self.runners.pop()
        try:
            assert runner.stdin is not None
            assert runner.stdout is not None
            runner.stdin.write(json.dumps(order).encode() + b"\n")
            code, passed = json.loads(await runner.stdout.readline())
        finally:
            self.runners.append(runner)
        return code, passed

    async def status(self, job: JobRecord) -> JobStatus:
        return (await JobRepository(self.pool).get(job.id, job.tenant_id)).status


@asynccontextmanager
async def runners(count: int) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    pipe = asyncio.subprocess.PIPE
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.fixtures.crash_points",
            cwd=ROOT,
            stdin=pipe,
            stdout=pipe,
            limit=1 << 20,
        )
        for _ in range(count)
    ]
    try:
        yield list(started)
    finally:
        for runner in started:
            assert runner.stdin is not None
            runner.stdin.close()
            await runner.wait()


@pytest.fixture
async def site(google: FakeGoogle, database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    google.settings(operation_ms=0, operation_requests_per_window=100_000, batch_requests_per_window=100_000)
    settings = {
        "DATABASE_URL": database_url, "REDIS_URL": "redis://h", "TRANSCRIPTS_STORAGE_URL": "file:///none",
        "TRANSCRIPTS_GOOGLE_CALLS_PER_MINUTE": "100000", **google_settings(google),
    }  # fmt: skip
    async with await open_pool(database_url, size=4, name="test") as pool, runners(_AT_ONCE) as started:
        yield Site(pool, tmp_path, settings, started)


async def survive(site: Site, point: str) -> tuple[JobRecord, bool]:
    """A job whose first attempt is killed at a point, and that others bring to its end."""
    job = await site.job()
    code, _ = await site.run(job, point)
    for _ in range(3):
        if await site.status(job) in (JobStatus.SUCCEEDED, JobStatus.FAILED):
            break
        await site.run(job)
    return job, code == KILLED


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "where", [MONEY, pytest.param("", marks=pytest.mark.slow)], ids=["submitting", "all"]
)
async def test_a_kill_at_any_await_costs_time_and_never_a_second_operation(
    site: Site, google: FakeGoogle, where: str
) -> None:
    """F5, F6, F32: the ledger of the provider and ours agree on one operation a job, wherever the worker died."""
    code, points = await site.run(await site.job())
    assert code == 0
    told = "\n".join(points)
    for name in ("client.py", "engine.py", "operations.py", "transcribe.py"):
        assert name in told, f"{name} is on the path"
    assert len(points) > 60, "statements before and after each await"
    points = [point for point in points if where in point]
    assert points
    slots = asyncio.Semaphore(_AT_ONCE)

    async def try_point(point: str) -> tuple[JobRecord, bool]:
        async with slots:
            return await survive(site, point)

    outcomes = dict(zip(points, await asyncio.gather(*map(try_point, points)), strict=True))
    assert sum(killed for _, killed in outcomes.values()) >= len(points) - 3, (
        "nearly all points are reached again"
    )
    bills: dict[str, list[dict[str, Any]]] = {}
    for row in google.ledger()["rows"]:
        bills.setdefault(row["output"].split("/")[-3], []).append(row)
    for point, (job, _) in outcomes.items():
        assert await site.status(job) is JobStatus.SUCCEEDED, point
        paid = [row["billed_ms"] for row in bills[str(job.id)]]
        assert len(paid) == 1, f"{point}: {len(paid)} operations were paid for"
        booked = await site.pool.fetch("SELECT billed_ms FROM usage WHERE job_id = $1", job.id)
        assert [row["billed_ms"] for row in booked] == paid, point
    assert await site.pool.fetchval("SELECT count(*) FROM operation WHERE closed_at IS NULL") == 0
