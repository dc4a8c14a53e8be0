"""Every `await` between the claim and the end of an attempt, killed at: one operation is paid for, each time (F6)."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.database import Pool, open_pool
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus
from shared.records import JobRecord
from shared.storage.disk import DiskStore
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.audio import tone_wav
from tests.fixtures.crash_points import KILLED, ROOT
from tests.fixtures.rows import a_session, put_bytes, stored_job
from tests.integration.google.conftest import open_engine
from worker_service.upkeep.loose_ends import LooseEnds

pytest_plugins = ("tests.fakes.google.fixtures",)

_AT_ONCE = 2
MONEY = ("worker_service/operations.py",)  # between the intent and the name
PIECES = (*MONEY, "worker_service/course.py", "worker_service/pieces/", "shared/jobs/pieces.py")
SAID = (
    "So what would you like to look at today. I keep coming back to the same decision. What makes it come back? "
    "Perhaps I am"
)
EVERYWHERE = ("",)  # every module's awaits, in the slow run
IN_PIECES = {"TRANSCRIPTS_GOOGLE_PIECE_MINUTES": "0.1"}


@dataclass
class Site:
    """Jobs, and processes in which attempts of them run."""

    pool: Pool
    folder: Path
    settings: dict[str, str]
    seconds: float = 1.0  # of each recording
    times: int = 1  # how many passages of a statement are points, between the intent and the name
    runners: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def job(self) -> JobRecord:
        session = a_session()
        await put_bytes(DiskStore(self.folder), session.audio_key, tone_wav(self.seconds))
        return await stored_job(self.pool, session=session, engine="google")

    async def run(self, job: JobRecord, target: str | None = None) -> tuple[int, list[str]]:
        """One attempt; returns how its process ended, and the points that it passed."""
        order = {"job": str(job.id), "target": target, "settings": self.settings, "objects": str(self.folder),
                 "times": self.times}  # fmt: skip
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
        yield Site(pool, tmp_path, settings, runners=started)


async def survive(site: Site, point: str) -> tuple[JobRecord, bool]:
    """A job whose first attempt is killed at a point, and that others bring to its end."""
    job = await site.job()
    code, _ = await site.run(job, point)
    for _ in range(3):
        if await site.status(job) in (JobStatus.SUCCEEDED, JobStatus.FAILED):
            break
        await site.run(job)
    return job, code == KILLED


async def outcomes_of(site: Site, where: tuple[str, ...]) -> dict[str, JobRecord]:
    """For each point on the way, a job whose first attempt was killed there."""
    code, points = await site.run(await site.job())
    assert code == 0
    told = "\n".join(points)
    for name in ("client.py", "engine.py", "operations.py", "transcribe.py"):
        assert name in told, f"{name} is on the path"
    assert len(points) > 60, "statements before and after each await"
    points = [point for point in points if any(name in point for name in where)]
    points = [point for point in points if ",time" not in point or MONEY[0] in point]
    assert points
    slots = asyncio.Semaphore(_AT_ONCE)

    async def try_point(point: str) -> tuple[JobRecord, bool]:
        async with slots:
            return await survive(site, point)

    outcomes = dict(zip(points, await asyncio.gather(*map(try_point, points)), strict=True))
    assert sum(killed for _, killed in outcomes.values()) >= len(points) - 3, (
        "nearly all points are reached again"
    )
    return {point: job for point, (job, _) in outcomes.items()}


async def paid_and_booked(site: Site, google: FakeGoogle) -> dict[str, tuple[dict[str, list[int]], int]]:
    """For each job: what Google billed, by the last part of the output prefix, and what our ledger has in all."""
    bills: dict[str, dict[str, list[int]]] = {}
    for row in google.ledger()["rows"]:
        job, _, *piece = row["output"].split("/results/")[1].strip("/").split("/")
        bills.setdefault(job, {}).setdefault("".join(piece), []).append(row["billed_ms"])
    rows = await site.pool.fetch(
        "SELECT job_id, sum(billed_ms)::bigint AS billed_ms FROM usage GROUP BY job_id"
    )
    booked = {str(row["job_id"]): row["billed_ms"] for row in rows}
    return {job: (bill, booked.get(job, 0)) for job, bill in bills.items()}


async def left(site: Site, google: FakeGoogle) -> list[str]:
    """What is still in the bucket once another worker has looked after what dead ones left."""
    engine = open_engine(google)
    loose_ends = LooseEnds(site.pool, {"google": engine})
    while await loose_ends.clear(older_than_s=0) + await loose_ends.unstage(older_than_s=0):
        pass
    await engine.aclose()
    return [key for key in google.objects("recordings") if key.startswith("speech/")]


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    "where", [MONEY, pytest.param(EVERYWHERE, marks=pytest.mark.slow)], ids=["submitting", "all"]
)
async def test_a_kill_at_any_await_costs_time_and_never_a_second_operation(
    site: Site, google: FakeGoogle, where: tuple[str, ...]
) -> None:
    """F5, F6, F32: the ledger of the provider and ours agree on one operation a job, wherever the worker died."""
    killed = await outcomes_of(site, where)
    ledgers = await paid_and_booked(site, google)
    for point, job in killed.items():
        assert await site.status(job) is JobStatus.SUCCEEDED, point
        bill, booked = ledgers[str(job.id)]
        assert list(bill) == [""], point
        assert len(bill[""]) == 1, f"{point}: {len(bill[''])} operations were paid for"
        assert booked == bill[""][0], point
    assert await site.pool.fetchval("SELECT count(*) FROM operation WHERE closed_at IS NULL") == 0
    assert await site.pool.fetchval("SELECT count(*) FROM staging") > 0, (
        "some died before they meant anything"
    )
    assert await left(site, google) == []


@pytest.mark.timeout(1_800)
@pytest.mark.slow
async def test_a_kill_at_any_await_never_pays_for_a_piece_twice(site: Site, google: FakeGoogle) -> None:
    """F5, F6, F32: three pieces, submitted and followed side by side; killed while each of them is on its way."""
    site.settings |= IN_PIECES
    site.seconds, site.times = 10.0, 3
    killed = await outcomes_of(site, PIECES)
    assert any("time 3" in point for point in killed)
    ledgers = await paid_and_booked(site, google)
    said = await site.pool.fetch(
        "SELECT string_agg(content, ' ' ORDER BY n) AS said, count(DISTINCT speaker) AS speakers"
        " FROM transcript_segment GROUP BY session_id"
    )
    for point, job in killed.items():
        assert await site.status(job) is JobStatus.SUCCEEDED, point
        bill, booked = ledgers[str(job.id)]
        assert sorted(bill) == ["0", "1", "2"], point
        assert [len(paid) for paid in bill.values()] == [1, 1, 1], f"{point}: {bill}"
        assert booked == sum(ms for (ms,) in bill.values()), point
    assert {tuple(row) for row in said} == {(SAID, 2)}
    assert await site.pool.fetchval("SELECT count(*) FROM operation WHERE closed_at IS NULL") == 0
    assert await left(site, google) == []
