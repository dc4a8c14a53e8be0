"""One attempt from claim to save, on Postgres and the disk store, with the scripted engine."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.database import Pool, open_pool, transaction
from shared.errors import CancelledByUserError
from shared.jobs import moves
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus
from shared.money.budgets import Budgets
from shared.records import JobRecord
from shared.sources.addresses import networks_of
from shared.storage.disk import DiskStore
from shared.tenants import DEFAULT_TENANT
from shared.transcripts.repository import TranscriptRepository
from shared.waveforms import WaveformRepository
from tests.fixtures.audio import tone_wav
from tests.fixtures.locks import until_waiting
from tests.fixtures.rows import a_session, an_operation, put_bytes, stored_job
from worker_service.engines.scripted import ScriptedEngine
from worker_service.observation.metrics import WorkerMetrics
from worker_service.sources.fetching import Fetcher, FetchLimits
from worker_service.sources.opening import Sources
from worker_service.status import StatusBoard
from worker_service.transcribe import RunLimits, Transcriber
from worker_service.upkeep.loose_ends import LooseEnds


@dataclass
class Bench:
    """A transcriber with everything it uses, and shortcuts to what tests ask."""

    pool: Pool
    jobs: JobRepository
    store: DiskStore
    engine: ScriptedEngine
    status: StatusBoard
    transcriber: Transcriber
    scratch: Path

    async def job(self, audio: bytes | None = None, **changes: Any) -> JobRecord:
        session = a_session()
        await put_bytes(self.store, session.audio_key, tone_wav(2.0) if audio is None else audio)
        return await stored_job(self.pool, session=session, **changes)

    async def booked(self) -> list[tuple[Any, ...]]:
        """The ledger: attempt, billed_ms, micro_dollars, estimated."""
        rows = await self.pool.fetch("SELECT attempt, billed_ms, micro_dollars, estimated FROM usage")
        return [tuple(row) for row in rows]

    async def now(self, job: JobRecord) -> JobRecord:
        return await self.jobs.get(job.id, job.tenant_id)

    async def until_running(self, job: JobRecord, phase: str = "transcribing") -> None:
        while (await self.now(job)).phase != phase:
            await self.status.tick()
            await asyncio.sleep(0.01)


@pytest.fixture
async def bench(database_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with await open_pool(database_url, size=6, name="test") as pool:
        store, engine = DiskStore(tmp_path / "objects"), ScriptedEngine()
        status = StatusBoard(pool, tick_s=0.05)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        limits = RunLimits("w1", 3, 60_000, 0.01, scratch, asyncio.Semaphore(2))
        engines = {"scripted": engine}
        transcriber = Transcriber(
            pool=pool, store=store, engines=engines, status=status,
            loose_ends=LooseEnds(pool, engines), limits=limits, metrics=WorkerMetrics(),
            sources=Sources(pool, store, Fetcher(store, FetchLimits(10**7, 10, networks_of("127.0.0.0/8")))),
        )  # fmt: skip
        yield Bench(pool, JobRepository(pool), store, engine, status, transcriber, scratch)
        assert list(scratch.iterdir()) == [], "a run leaves no temporary files"


async def test_a_recording_becomes_a_transcript(bench: Bench) -> None:
    job = await bench.job(model="words=40")
    assert await bench.transcriber.run(job.id) is None
    done = await bench.now(job)
    assert (done.status, done.progress, done.attempt, done.duration_ms) == (JobStatus.SUCCEEDED, 100, 1, 2000)
    transcript = await TranscriptRepository(bench.pool).load(job.session_id, job.tenant_id)
    assert [word.text for segment in transcript.segments for word in segment.words] == [
        f"word{n}" + ("." if n % 8 == 7 else "") for n in range(40)
    ]
    assert {speaker.number for speaker in transcript.speakers} == {1, 2}
    waveform = await WaveformRepository(bench.pool).get(job.session_id, job.tenant_id)
    assert (waveform.ms_per_peak, len(waveform.peaks), min(waveform.peaks) > 200) == (25, 80, True)


async def test_one_ledger_row_an_attempt(bench: Bench) -> None:
    """F32: usage cannot be counted twice, and stays when the session goes."""
    job = await bench.job()
    await bench.transcriber.run(job.id)
    await bench.transcriber.run(job.id)  # delivered once more
    await bench.pool.execute("DELETE FROM session WHERE id = $1", job.session_id)
    assert await bench.booked() == [(1, 2000, 534, False)]


async def test_a_transient_error_comes_round_again_and_then_goes_well(bench: Bench) -> None:
    """F8, F14."""
    job = await bench.job(model="fail=engine_unavailable,until=2")
    wait = await bench.transcriber.run(job.id)
    waiting = await bench.now(job)
    assert wait is not None
    assert (waiting.status, waiting.next_attempt_at, waiting.failures) == (
        JobStatus.QUEUED,
        waiting.queued_at + wait,
        1,
    )
    assert await bench.transcriber.run(job.id) is None
    assert (await bench.now(job)).status == JobStatus.SUCCEEDED
    assert (await bench.now(job)).error is None


async def test_transient_errors_end(bench: Bench) -> None:
    """F1, F7: a job that never gets better fails, with the reason of the last try."""
    job = await bench.job(model="fail=engine_unavailable")
    while await bench.transcriber.run(job.id) is not None:
        pass
    failed = await bench.now(job)
    assert (failed.status, failed.attempt) == (JobStatus.FAILED, 3)
    assert failed.error is not None
    assert (failed.error["code"], failed.error["cause"]) == ("attempts_exhausted", "engine_unavailable")


async def test_a_permanent_error_is_final_at_once(bench: Bench) -> None:
    """F8."""
    job = await bench.job(model="fail=engine_failed")
    assert await bench.transcriber.run(job.id) is None
    failed = await bench.now(job)
    assert (failed.status, failed.attempt) == (JobStatus.FAILED, 1)


async def test_a_job_whose_workers_die_is_given_up(bench: Bench) -> None:
    """F1: a poison job cannot kill workers for ever."""
    job = await bench.job()
    for worker in ("dead1", "dead2", "dead3", "dead4"):
        await bench.jobs.claim(job.id, worker)
    assert await bench.transcriber.run(job.id) is None
    failed = await bench.now(job)
    assert failed.error is not None
    assert (failed.status, failed.error["code"]) == (JobStatus.FAILED, "attempts_exhausted")


@pytest.mark.parametrize(
    ("audio", "code"),
    [(b"", "media_unreadable"), (b"not sound at all" * 100, "media_unreadable")],
    ids=["empty", "text"],
)
async def test_a_recording_that_is_none_fails_clearly(bench: Bench, audio: bytes, code: str) -> None:
    job = await bench.job(audio)
    await bench.transcriber.run(job.id)
    failed = await bench.now(job)
    assert failed.error is not None
    assert (failed.status, failed.error["code"], failed.attempt) == (JobStatus.FAILED, code, 1)


async def test_a_recording_over_the_limit_fails_clearly(bench: Bench) -> None:
    job = await bench.job(tone_wav(61.0))
    await bench.transcriber.run(job.id)
    failed = await bench.now(job)
    assert failed.error is not None
    assert failed.error["code"] == "media_too_long"


async def test_a_recording_that_is_gone_fails_clearly(bench: Bench) -> None:
    """F2."""
    job = await stored_job(bench.pool)
    await bench.transcriber.run(job.id)
    failed = await bench.now(job)
    assert failed.error is not None
    assert (failed.status, failed.error["code"]) == (JobStatus.FAILED, "object_missing")


async def test_a_job_for_an_engine_that_this_worker_lacks_is_left_to_another(bench: Bench) -> None:
    job = await bench.job(engine="google")
    assert await bench.transcriber.run(job.id) is None
    left = await bench.now(job)
    assert (left.status, left.attempt, left.error) == (JobStatus.QUEUED, 0, None)


async def test_a_stopping_worker_gives_the_job_back(bench: Bench) -> None:
    """F10: and it is not a failure."""
    job = await bench.job(model="seconds=60")
    run = asyncio.create_task(bench.transcriber.run(job.id))
    await bench.until_running(job)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    waiting = await bench.now(job)
    assert (waiting.status, waiting.failures, waiting.worker) == (JobStatus.QUEUED, 0, None)
    assert bench.engine.cancelled == []


async def test_a_cancelled_job_s_run_ends_and_its_operation_is_stopped(bench: Bench) -> None:
    """F12: the cloud operation is cancelled too, and the late result does not overwrite."""
    job = await bench.job(model="seconds=60")
    run = asyncio.create_task(bench.transcriber.run(job.id))
    await bench.until_running(job)
    await bench.jobs.cancel(job.id, job.tenant_id, CancelledByUserError())
    await bench.status.tick()
    assert await run is None
    assert (await bench.now(job)).status == JobStatus.CANCELLED
    assert bench.engine.cancelled == [f"scripted/{job.id}/1"]
    assert await bench.booked() == [(1, 1000, 267, True)], "what was heard until then, estimated"


async def test_an_overtaken_run_leaves_the_operation_to_the_newer_one(bench: Bench) -> None:
    """F5, F6."""
    job = await bench.job(model="seconds=60")
    run = asyncio.create_task(bench.transcriber.run(job.id))
    await bench.until_running(job)
    await bench.jobs.claim(job.id, "w2")
    await bench.status.tick()
    assert await run is None
    assert (await bench.now(job)).status == JobStatus.RUNNING
    assert bench.engine.cancelled == []


async def test_a_deleted_session_s_run_ends(bench: Bench) -> None:
    """F13."""
    job = await bench.job(model="seconds=60")
    run = asyncio.create_task(bench.transcriber.run(job.id))
    await bench.until_running(job)
    await bench.pool.execute("DELETE FROM session WHERE id = $1", job.session_id)
    await bench.status.tick()
    assert await run is None
    assert bench.engine.cancelled == [f"scripted/{job.id}/1"]
    assert await bench.booked() == [(1, 1000, 267, True)]


async def test_the_operation_of_an_earlier_attempt_is_followed_not_started_again(bench: Bench) -> None:
    """F6: no second bill."""
    job = await bench.job()
    dead = await bench.jobs.claim(job.id, "dead")
    assert dead is not None
    await an_operation(bench.pool, dead, "scripted/earlier")
    await bench.store.delete_prefix("sessions/")  # nor is the recording needed any more
    assert await bench.transcriber.run(job.id) is None
    assert (await bench.now(job)).status == JobStatus.SUCCEEDED
    rows = await bench.pool.fetch("SELECT name, attempt, outcome FROM operation")
    assert [tuple(row) for row in rows] == [("scripted/earlier", 1, "succeeded")]
    assert await bench.booked() == [(1, 2000, 534, False)], "on the attempt that started it"


async def test_an_operation_that_ended_badly_is_not_followed_again(bench: Bench) -> None:
    """F7: a finished failure does not loop; the next attempt starts another, and each is written down."""
    job = await bench.job(model="fail=engine_unavailable,until=3")
    while await bench.transcriber.run(job.id) is not None:
        pass
    rows = await bench.pool.fetch("SELECT name, outcome FROM operation ORDER BY attempt")
    assert [tuple(row) for row in rows] == [
        (f"scripted/{job.id}/1", "failed"),
        (f"scripted/{job.id}/2", "failed"),
        (f"scripted/{job.id}/3", "succeeded"),
    ]


async def test_an_intent_that_came_to_nothing_is_closed_before_another(bench: Bench) -> None:
    """F6: what an attempt meant to start is looked for, and only then forgotten."""
    job = await bench.job()
    dead = await bench.jobs.claim(job.id, "dead")
    assert dead is not None
    await an_operation(bench.pool, dead)
    await bench.transcriber.run(job.id)
    rows = await bench.pool.fetch("SELECT attempt, outcome FROM operation ORDER BY attempt")
    assert [tuple(row) for row in rows] == [(1, "missing"), (2, "succeeded")]


async def test_a_budget_is_kept_before_money_is_spent(bench: Bench) -> None:
    """What 2 s cost (534 micro-dollars) fits once; the second job fails with the reason, and nothing was started."""
    await Budgets(bench.pool).set(DEFAULT_TENANT, 1_000)
    first, second = await bench.job(), await bench.job()
    for job in (first, second):
        assert await bench.transcriber.run(job.id) is None
    assert (await bench.now(first)).status == JobStatus.SUCCEEDED
    refused = await bench.now(second)
    assert refused.error is not None
    assert (refused.status, refused.error["code"]) == (JobStatus.FAILED, "budget_exceeded")
    assert await bench.pool.fetchval("SELECT count(*) FROM operation WHERE job_id = $1", second.id) == 0


async def test_a_recording_that_is_elsewhere_is_fetched_once(bench: Bench) -> None:
    """By the job, not by the request: the next attempt finds it in the store, and its address is forgotten."""
    recording = tone_wav(2.0)
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(recording)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + recording)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.wav?signature=hunter2"
        session = a_session(audio_source=url, audio_container=None, audio_size=None, audio_sha256=None)
        job = await stored_job(bench.pool, session=session, model="fail=engine_unavailable,until=2")
        assert await bench.transcriber.run(job.id) is not None
        assert await bench.transcriber.run(job.id) is None
    assert (await bench.now(job)).status == JobStatus.SUCCEEDED
    assert asked == 1
    row = await bench.pool.fetchrow("SELECT * FROM session")
    assert row is not None
    assert (row["audio_source"], row["audio_container"], row["audio_size"]) == (None, "wav", len(recording))
    assert row["audio_sha256"] == hashlib.sha256(recording).hexdigest()


async def test_a_recording_that_nobody_has_ends_the_job(bench: Bench) -> None:
    session = a_session(audio_source="http://10.0.0.1/a.wav", audio_container=None, audio_size=None)
    job = await stored_job(bench.pool, session=session)
    assert await bench.transcriber.run(job.id) is None
    ended = await bench.now(job)
    assert (ended.status, (ended.error or {})["code"]) == (JobStatus.FAILED, "source_refused")
    assert "10.0.0.1" not in str(ended.error)


async def test_a_recording_that_went_straight_to_the_store_is_hashed_when_it_is_read(bench: Bench) -> None:
    session = a_session(audio_sha256=None)
    await put_bytes(bench.store, session.audio_key, tone_wav(2.0))
    job = await stored_job(bench.pool, session=session)
    assert await bench.transcriber.run(job.id) is None
    hashed = await bench.pool.fetchval("SELECT audio_sha256 FROM session")
    assert hashed == hashlib.sha256(tone_wav(2.0)).hexdigest()


async def test_a_run_whose_job_is_cancelled_while_it_saves_writes_nothing(bench: Bench) -> None:
    """F12: the transcript and the end of the job are one transaction, which belongs to whoever has the job."""
    job = await bench.job(model="seconds=0.3")
    run = asyncio.create_task(bench.transcriber.run(job.id))
    await bench.until_running(job)
    async with transaction(bench.pool) as cancelling:
        await cancelling.fetchrow(moves.CANCEL, job.id, {"code": "cancelled"})
        await until_waiting(bench.pool)
    assert await run is None
    assert (await bench.now(job)).status == JobStatus.CANCELLED
    assert await bench.pool.fetchval("SELECT count(*) FROM transcript_segment") == 0
