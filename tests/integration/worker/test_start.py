"""How a worker starts, refuses to, works, and stops: the process as it is deployed."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from deploy.local.processes import free_port
from deploy.local.redis import Redis
from shared.database import Pool, open_pool
from shared.errors import CancelledByUserError
from shared.jobs.dispatch import Dispatcher
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus
from shared.queue import names
from shared.queue.client import RedisJobQueue, connect
from shared.records import JobRecord
from shared.storage.disk import DiskStore
from tests.fixtures.audio import silent_wav, tone_wav
from tests.fixtures.rows import a_session, put_bytes, stored_job
from tests.fixtures.worker_process import WorkerProcess, a_worker, start_worker
from worker_service import main as worker_main
from worker_service import scratch
from worker_service.queue.tasks import FUNCTIONS


@dataclass
class Site:
    """The stores that a worker works on."""

    pool: Pool
    queue: RedisJobQueue
    folder: Path
    database_url: str
    redis_url: str

    @property
    def where(self) -> tuple[str, str, Path]:
        return self.database_url, self.redis_url, self.folder / "objects"

    async def waiting(self, tenant: str = "default", audio: bytes | None = None, **changes: Any) -> JobRecord:
        """A job with its recording, committed and not dispatched."""
        session = a_session(tenant_id=tenant)
        await put_bytes(DiskStore(self.folder / "objects"), session.audio_key, audio or tone_wav(1.0))
        return await stored_job(self.pool, session=session, **changes)

    async def job(self, audio: bytes | None = None, **changes: Any) -> JobRecord:
        """A job with its recording, dispatched as the API does it."""
        job = await self.waiting(audio=audio, **changes)
        await self.dispatch()
        return job

    async def dispatch(self) -> None:
        """Fill the free places."""
        await Dispatcher(self.pool, self.queue).dispatch()

    async def reached(self, job: JobRecord, **wanted: Any) -> JobRecord:
        """The job once it has these values."""
        while True:
            now = await JobRepository(self.pool).get(job.id, job.tenant_id)
            if all(getattr(now, name) == value for name, value in wanted.items()):
                return now
            await asyncio.sleep(0.01)


@pytest.fixture
async def site(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    queue = RedisJobQueue(connect(redis_url))
    async with await open_pool(database_url, size=2, name="test") as pool:
        yield Site(pool, queue, tmp_path, database_url, redis_url)
    await queue.aclose()


async def refused(site: Site, *arguments: str, **settings: str) -> str:
    """What a worker says that refuses to start."""
    given = {"DATABASE_URL": site.database_url, "REDIS_URL": site.redis_url, **settings}
    worker = await start_worker(
        site.folder / "refused.log", given.pop("DATABASE_URL"), given.pop("REDIS_URL"), site.folder / "objects",
        *arguments, **given,
    )  # fmt: skip
    code = await worker.process.wait()
    assert code == 2, worker.text
    assert "Traceback" not in worker.text
    return worker.text


async def end_with(worker: WorkerProcess, code: int) -> None:
    assert await worker.process.wait() == code, worker.text


def test_every_name_that_is_rung_for_is_registered() -> None:
    """F3."""
    rung = {value for name, value in vars(names).items() if name in {"TRANSCRIBE"}}
    assert rung <= {function.name for function in FUNCTIONS}


async def test_it_runs_jobs_and_signs_on_and_off(site: Site) -> None:
    async with a_worker(site.folder / "w.log", *site.where, "--max-jobs", "3") as worker:
        job = await site.job(model="words=30")
        done = await site.reached(job, status=JobStatus.SUCCEEDED)
        assert (done.attempt, done.progress) == (1, 100)
        row = await site.pool.fetchrow("SELECT * FROM worker")
        assert row is not None
        assert (row["pid"], row["max_jobs"], row["stopped_at"]) == (worker.process.pid, 3, None)
        assert await worker.stop() == 0
        assert await site.pool.fetchval("SELECT stopped_at IS NOT NULL FROM worker")
    assert str(job.id) in worker.text


async def test_sigterm_hands_over_and_no_attempt_is_counted(site: Site) -> None:
    """F10: what waits goes on elsewhere; the deploy is no failure."""
    async with a_worker(site.folder / "one.log", *site.where) as one:
        job = await site.job(model="seconds=600")
        await site.reached(job, phase="transcribing")
        assert await one.stop() == 0
        given_back = await site.reached(job, status=JobStatus.QUEUED)
        assert (given_back.failures, given_back.worker) == (0, None)
        async with a_worker(site.folder / "two.log", *site.where):
            taken = await site.reached(job, status=JobStatus.RUNNING)
            assert (taken.attempt, taken.failures) == (2, 0)


async def test_a_killed_worker_s_job_runs_elsewhere_when_the_lease_has_ended(site: Site) -> None:
    """F1, F11."""
    async with a_worker(site.folder / "one.log", *site.where, TRANSCRIPTS_LEASE_SECONDS="1") as one:
        job = await site.job(model="seconds=600")
        await site.reached(job, phase="transcribing")
        async with a_worker(site.folder / "two.log", *site.where, TRANSCRIPTS_LEASE_SECONDS="1"):
            await one.kill()
            taken = await site.reached(job, status=JobStatus.RUNNING, attempt=2)
            assert taken.failures == 1


@pytest.mark.parametrize("phase", ["preparing", "transcribing"])
async def test_a_cancel_stops_the_run(site: Site, phase: str) -> None:
    """F12, F13: in whatever worker and phase; the decoder is killed, and its files go."""
    audio = silent_wav(2_400) if phase == "preparing" else None  # takes seconds to decode
    scratch_dir = site.folder / "scratch"
    scratch_dir.mkdir()
    async with a_worker(
        site.folder / "w.log", *site.where, TRANSCRIPTS_SCRATCH_DIR=str(scratch_dir)
    ) as worker:
        job = await site.job(audio, model="seconds=600")
        await site.reached(job, phase=phase)
        await JobRepository(site.pool).cancel(job.id, job.tenant_id, CancelledByUserError())
        await worker.wrote("the job is not ours any more")
        while list(scratch_dir.iterdir()):
            await asyncio.sleep(0.01)


async def test_what_was_committed_and_never_rung_is_found(site: Site) -> None:
    """F2, F11: the sweep rings."""
    rung = await site.waiting()
    await site.pool.execute("UPDATE job SET rung_at = now() - interval '1 minute'")
    never = await site.waiting()
    async with a_worker(site.folder / "w.log", *site.where, TRANSCRIPTS_SWEEP_SECONDS="0.1"):
        for job in (rung, never):
            await site.reached(job, status=JobStatus.SUCCEEDED)


async def test_a_second_signal_ends_it_at_once(site: Site) -> None:
    async with a_worker(site.folder / "w.log", *site.where) as worker:
        await site.job(model="seconds=600")
        await worker.wrote("job claimed")
        lock = await asyncpg.connect(site.database_url)  # the handover waits for this
        async with lock.transaction():
            await lock.execute("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
            worker.process.send_signal(signal.SIGTERM)
            await worker.wrote("jobs are handed over")
            worker.process.send_signal(signal.SIGTERM)
            await end_with(worker, -signal.SIGTERM)
        await lock.close()


async def test_a_database_that_hangs_does_not_hold_up_the_end(site: Site) -> None:
    """F10: the platform's SIGKILL never comes; what could not be handed over is taken when the lease has ended."""
    async with a_worker(site.folder / "w.log", *site.where, TRANSCRIPTS_DRAIN_SECONDS="0.2") as worker:
        await site.job(model="seconds=600")
        await worker.wrote("job claimed")
        lock = await asyncpg.connect(site.database_url)
        async with lock.transaction():
            await lock.execute("LOCK TABLE job, worker IN ACCESS EXCLUSIVE MODE")
            worker.process.send_signal(signal.SIGTERM)
            await end_with(worker, 0)
        await lock.close()
    assert "runs did not let go in time" in worker.text


async def test_a_loop_that_breaks_stops_the_worker() -> None:
    """A worker that cannot tell progress or sweep must not look alive."""
    stopped = asyncio.Event()

    async def breaks() -> None:
        raise LookupError("unforeseen")

    with pytest.raises(LookupError, match="unforeseen"):
        async with worker_main._beside([breaks], on_failure=stopped.set):
            await stopped.wait()


async def test_set_ups_that_lose_work_are_refused(
    site: Site, redis_server: Redis, empty_database_url: str
) -> None:
    """F4, F37: each names its fix."""
    assert "python -m deploy.migrations upgrade" in await refused(site, DATABASE_URL=empty_database_url)
    assert "Did you mean MAX_JOBS?" in await refused(site, MAX_JOB="3")
    assert "Found are" in await refused(site, TRANSCRIPTS_ENGINES="siri")
    said = await refused(site, TRANSCRIPTS_ENGINES="local", TRANSCRIPTS_MODELS_DIR="/nowhere")
    assert "python -m deploy.local.models" in said
    redis_server.ask("CONFIG SET maxmemory-policy allkeys-lru")
    try:
        assert "noeviction" in await refused(site)
    finally:
        redis_server.ask("CONFIG SET maxmemory-policy noeviction")


async def test_stores_that_are_away_are_refused_without_their_passwords(site: Site) -> None:
    """F39."""
    said = await refused(site, REDIS_URL="redis://:hunter2@127.0.0.1:1/0")
    assert "REDIS_URL" in said
    said += await refused(site, DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/d")
    assert "DATABASE_URL" in said
    assert "hunter2" not in said


def test_folders_of_dead_runs_are_cleared_away(tmp_path: Path) -> None:
    with scratch.make(tmp_path) as made:
        mine = Path(made)
        assert re.fullmatch(rf"transcripts-run-{os.getpid()}-\w+", mine.name)
    mine.mkdir()
    for name in ("transcripts-run-1-alive", "transcripts-run-4194304-dead", "other-4194304-x"):
        (tmp_path / name).mkdir()
    (tmp_path / "transcripts-run-4194304-dead" / "audio.flac").touch()
    assert scratch.clear_leftovers(tmp_path) == 2
    assert not mine.exists()  # our own pid: a container's next process has the same one
    assert {path.name for path in tmp_path.iterdir()} == {"transcripts-run-1-alive", "other-4194304-x"}


async def test_tenants_take_turns_and_a_freed_place_is_filled_at_once(site: Site) -> None:
    """One place: another tenant's first job runs right after the one that runs now, without a sweep's help."""
    async with a_worker(
        site.folder / "w.log", *site.where, "--max-jobs", "1", TRANSCRIPTS_SWEEP_SECONDS="600"
    ) as worker:
        await worker.wrote("worker starts")
        jobs = [await site.waiting("a", model="seconds=0.3") for _ in range(4)]
        jobs.insert(1, await site.waiting("b", model="seconds=0.3"))
        await site.dispatch()
        for job in jobs:
            await site.reached(job, status=JobStatus.SUCCEEDED)
    rows = await site.pool.fetch("SELECT tenant_id FROM job ORDER BY started_at")
    assert [row["tenant_id"] for row in rows] == ["a", "b", "a", "a", "a"]


async def test_a_drained_worker_ends_what_it_runs_and_stops(site: Site) -> None:
    async with a_worker(site.folder / "w.log", *site.where) as worker:
        running = await site.job(model="seconds=4")
        await site.reached(running, phase="transcribing")
        row = await site.pool.fetchrow("UPDATE worker SET drain_requested = true RETURNING *")
        assert row is not None
        assert (row["engines"], row["tasks"]) == (["scripted"], ["transcription.run"])
        await worker.wrote("draining")
        waiting = await site.waiting()
        await end_with(worker, 0)
        done = await site.reached(running, status=JobStatus.SUCCEEDED)
        assert done.attempt == 1
        assert (await site.reached(waiting, status=JobStatus.QUEUED)).attempt == 0
    events = await site.pool.fetch("SELECT what FROM job_event WHERE job_id = $1 ORDER BY n", running.id)
    told = [row["what"] for row in events]  # phases that pass within a tick are not told
    assert [what for what in told if what in {"queued", "claimed", "transcribing", "succeeded"}] == [
        "queued", "claimed", "transcribing", "succeeded",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
async def test_emptying_redis_under_active_jobs_loses_and_doubles_none(
    site: Site, redis_server: Redis, count: int
) -> None:
    """F11: what runs goes on under its lease, what waits is rung for again."""
    async with (
        a_worker(
            site.folder / "1.log", *site.where, "--max-jobs", str(count // 3), TRANSCRIPTS_SWEEP_SECONDS="0.5"
        ),
        a_worker(
            site.folder / "2.log", *site.where, "--max-jobs", str(count // 3), TRANSCRIPTS_SWEEP_SECONDS="0.5"
        ),
    ):
        jobs = [await site.waiting(model="seconds=3") for _ in range(count)]
        await site.dispatch()
        for job in jobs[: count // 2]:
            await site.reached(job, attempt=1)  # claimed; on a slow machine the first may have ended by now
        assert redis_server.ask("FLUSHALL") == [b"+OK"]
        for job in jobs:
            assert (await site.reached(job, status=JobStatus.SUCCEEDED)).attempt == 1
    assert await site.pool.fetchval("SELECT count(*) FROM usage") == count


async def test_its_health_and_metrics_are_served_where_asked_for(site: Site) -> None:
    async with a_worker(site.folder / "w.log", *site.where, "--health-port", "0") as worker:
        await worker.wrote("health is served")
        found = re.search(r"http://127\.0\.0\.1:\d+", worker.text)
        assert found is not None
        job = await site.job()
        await site.reached(job, status=JobStatus.SUCCEEDED)
        async with httpx.AsyncClient(base_url=found[0]) as http:
            assert (await http.get("/healthz")).status_code == 200
            assert (await http.get("/readyz")).status_code == 200
            told = (await http.get("/metrics")).text
            assert "transcripts_worker_claimed_total 1.0" in told
            assert 'transcripts_run_seconds_count{engine="scripted",outcome="succeeded"} 1.0' in told
            running = await site.job(model="seconds=600")
            await site.reached(running, status=JobStatus.RUNNING)
            await site.pool.execute("UPDATE worker SET drain_requested = true")
            await worker.wrote("draining")
            assert (await http.get("/readyz")).status_code == 503


async def test_it_serves_as_a_web_service_where_the_platform_looks(site: Site) -> None:
    """F36, F40: on PORT, at all addresses; PORT alone, which in a common `.env` is the API's, opens nothing."""
    port = free_port()
    async with a_worker(site.folder / "w.log", *site.where, "--as-web-service", PORT=str(port)) as worker:
        await worker.wrote(f"http://0.0.0.0:{port}/healthz")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            assert (await http.get("/healthz")).status_code == 200
            assert await worker.stop() == 0
    async with a_worker(site.folder / "plain.log", *site.where, PORT=str(port)) as worker:
        await site.reached(await site.job(), status=JobStatus.SUCCEEDED)
        assert "health is served" not in worker.text
    assert "PORT: 'http' is not a port" in await refused(site, "--as-web-service", PORT="http")


async def test_a_job_that_its_living_worker_has_forgotten_is_taken_over(site: Site) -> None:
    """F1: a run that ended in no foreseen way leaves no job running for ever."""
    async with a_worker(site.folder / "w.log", *site.where, TRANSCRIPTS_SWEEP_SECONDS="0.2") as worker:
        stray = await site.waiting()
        await site.pool.execute(
            "UPDATE job SET status = 'running', attempt = 1, rung_at = now(), worker = (SELECT id FROM worker)"
        )
        done = await site.reached(stray, status=JobStatus.SUCCEEDED)
        assert (done.attempt, done.failures) == (2, 1)
    assert "left their jobs running" in worker.text
