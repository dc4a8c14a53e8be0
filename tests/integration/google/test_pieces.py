"""A long recording in pieces: one job, one transcript, one bill, whatever happens to a piece."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.database import Pool, open_pool
from shared.errors import CancelledByUserError
from shared.jobs.dispatch import Dispatcher
from shared.jobs.repository import JobRepository
from shared.lifecycle import JobStatus
from shared.money.budgets import Budgets
from shared.queue.client import RedisJobQueue, connect
from shared.records import JobRecord
from shared.sessions import SessionRepository
from shared.sources.addresses import networks_of
from shared.storage.disk import DiskStore
from shared.tenants import DEFAULT_TENANT
from shared.transcript import Word
from shared.transcripts.repository import TranscriptRepository
from tests.fakes.google.known import spoken
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.audio import tone_wav
from tests.fixtures.rows import a_session, put_bytes, stored_job
from tests.integration.google.conftest import open_engine
from worker_service.engines.google.engine import GoogleEngine
from worker_service.observation.metrics import WorkerMetrics
from worker_service.sources.fetching import Fetcher, FetchLimits
from worker_service.sources.opening import Sources
from worker_service.status import StatusBoard
from worker_service.transcribe import RunLimits, Transcriber
from worker_service.upkeep.loose_ends import LooseEnds
from worker_service.upkeep.sweep import Sweep

pytest_plugins = ("tests.fakes.google.fixtures",)

SECONDS = (
    54  # both cuts fall to the voice that speaks second, so that other pieces number the voices otherwise
)
PIECES = 3
RECORDING = tone_wav(SECONDS)
BUNDLED = Path(__file__).parents[3] / "deploy" / "local" / "recordings"
SAID = (
    "So what would you like to look at today. I keep coming back to the same decision. What makes it come back? "
    "Perhaps I am afraid of what I would lose."
)


@dataclass
class Desk:
    """A worker whose Google takes pieces of 24 s, and what tests ask of it."""

    pool: Pool
    jobs: JobRepository
    status: StatusBoard
    engine: GoogleEngine
    loose_ends: LooseEnds
    transcriber: Transcriber
    store: DiskStore

    async def job(self, **changes: Any) -> JobRecord:
        session = a_session()
        await put_bytes(self.store, session.audio_key, RECORDING)
        return await stored_job(self.pool, session=session, **{"engine": "google", **changes})

    async def now(self, job: JobRecord) -> JobRecord:
        return await self.jobs.get(job.id, job.tenant_id)

    async def words(self, job: JobRecord) -> list[Word]:
        transcript = await TranscriptRepository(self.pool).load(job.session_id, job.tenant_id)
        return [word for segment in transcript.segments for word in segment.words]

    async def booked(self) -> list[tuple[int, int, bool]]:
        """The ledger: attempt, billed milliseconds, whether that is an estimate."""
        rows = await self.pool.fetch("SELECT attempt, billed_ms, estimated FROM usage ORDER BY attempt")
        return [tuple(row) for row in rows]

    async def open_operations(self) -> int:
        return int(await self.pool.fetchval("SELECT count(*) FROM operation WHERE closed_at IS NULL"))

    async def until_heard(self, job: JobRecord) -> None:
        """Until all pieces are followed."""
        while (await self.now(job)).phase != "transcribing":
            await self.status.tick()
            await asyncio.sleep(0.02)


@pytest.fixture
async def desk(
    request: pytest.FixtureRequest, google: FakeGoogle, database_url: str, tmp_path: Path
) -> AsyncIterator[Desk]:
    """A parameter changes the engine's settings."""
    google.settings(operation_ms=0)
    changes: dict[str, Any] = getattr(request, "param", {})
    engine = open_engine(google, settle_s=0.3, TRANSCRIPTS_GOOGLE_PIECE_MINUTES="0.4", **changes)
    async with await open_pool(database_url, size=6, name="test") as pool:
        store, status = DiskStore(tmp_path / "objects"), StatusBoard(pool, tick_s=0.05)
        loose_ends = LooseEnds(pool, {"google": engine})
        transcriber = Transcriber(
            pool=pool, store=store, engines={"google": engine}, status=status,
            loose_ends=loose_ends, metrics=WorkerMetrics(),
            limits=RunLimits("w1", 3, 3_600_000, 0.01, tmp_path, asyncio.Semaphore(2)),
            sources=Sources(pool, store, Fetcher(store, FetchLimits(10**7, 10, networks_of("127.0.0.0/8")))),
        )  # fmt: skip
        yield Desk(pool, JobRepository(pool), status, engine, loose_ends, transcriber, store)
    await engine.aclose()


@pytest.fixture
async def sweep(desk: Desk, redis_url: str) -> AsyncIterator[Sweep]:
    async def always(_: float) -> bool:
        return True

    queue = RedisJobQueue(connect(redis_url, queue="transcripts"), "transcripts")
    yield Sweep(
        pool=desk.pool, queue=queue, dispatcher=Dispatcher(desk.pool, queue, tenant_limit=None), store=desk.store,
        take_turn=always, every_s=15, dead_after_s=16,
    )  # fmt: skip
    await queue.aclose()


def bills(google: FakeGoogle) -> dict[str, list[tuple[str, int]]]:
    """The provider's ledger: outcome and billed milliseconds of each operation, by piece."""
    found: dict[str, list[tuple[str, int]]] = {}
    for row in google.ledger()["rows"]:
        found.setdefault(row["output"].split("/")[-2], []).append((row["outcome"], row["billed_ms"]))
    return found


def left(google: FakeGoogle) -> list[str]:
    """What is still in the bucket below the engine's folder."""
    return [key for key in google.objects("recordings") if key.startswith("speech/")]


def assert_whole(words: list[Word]) -> None:
    """Every word of the recording once, at its time, by the one who said it: turns change with the sentences."""
    texts = SAID.split()
    expected = [texts[n % len(texts)] for n in range((SECONDS * 1_000 - 320) // 400 + 1)]
    assert [word.text for word in words] == expected
    assert all(abs(word.start_ms - n * 400) <= 60 for n, word in enumerate(words))
    speaker, turns = 1, []
    for text in expected:
        turns.append(speaker)
        speaker = 3 - speaker if text.endswith((".", "?")) else speaker
    assert [word.speaker for word in words] == turns


async def test_a_long_recording_is_one_transcript_and_one_bill(google: FakeGoogle, desk: Desk) -> None:
    """F21, F22, F32: no word lost or doubled at a seam, the same voices throughout, each second paid once."""
    job = await desk.job()
    assert await desk.transcriber.run(job.id) is None
    done = await desk.now(job)
    assert (done.status, done.progress, done.attempt, done.warnings) == (JobStatus.SUCCEEDED, 100, 1, [])
    assert_whole(await desk.words(job))
    paid = bills(google)
    assert sorted(paid) == ["0", "1", "2"]
    billed = [ms for [(outcome, ms)] in paid.values() if outcome == "succeeded"]
    assert await desk.booked() == [(1, sum(billed), False)]
    assert SECONDS * 1_000 + 2 * 3_000 <= sum(billed) <= SECONDS * 1_000 + 2 * 3_000 + PIECES * 1_000
    assert left(google) == []


async def test_people_who_talk_are_heard_as_they_would_be_as_a_whole(google: FakeGoogle, desk: Desk) -> None:
    """F22: real speech, cut at real pauses: every word, in its turn, with its voice."""
    turns = json.loads((BUNDLED / "two_speakers.turns.json").read_text())
    lines = (BUNDLED / "two_speakers.txt").read_text().splitlines()
    truth = list(spoken(turns, lines))
    google.script(words=truth)
    session = a_session()
    await put_bytes(desk.store, session.audio_key, (BUNDLED / "two_speakers.flac").read_bytes())
    job = await stored_job(desk.pool, session=session, engine="google")
    assert await desk.transcriber.run(job.id) is None
    assert len(google.operations()) == 5
    words = await desk.words(job)
    assert [word.text for word in words] == [word["text"] for word in truth]
    assert [word.speaker for word in words] == [word["speaker"] for word in truth]
    assert (await desk.now(job)).warnings == []


async def test_what_the_pieces_cost_is_written_down_before_they_are_started(
    google: FakeGoogle, desk: Desk
) -> None:
    """Overlaps are heard twice, and paid twice: the estimate has them."""
    job = await desk.job()
    await desk.transcriber.run(job.id)
    expected = await desk.pool.fetch("SELECT expected_micro_dollars, audio_ms FROM operation ORDER BY prefix")
    detail = await desk.pool.fetchval("SELECT detail FROM job_event WHERE what = 'pieces_intended'")
    assert detail == {
        "pieces": PIECES,
        "audio_ms": sum(row["audio_ms"] for row in expected),
        "micro_dollars": sum(row["expected_micro_dollars"] for row in expected),
    }
    assert detail["micro_dollars"] == await desk.pool.fetchval("SELECT micro_dollars FROM usage")


async def test_a_budget_allows_all_pieces_or_none(google: FakeGoogle, desk: Desk) -> None:
    await Budgets(desk.pool).set(DEFAULT_TENANT, 10_000)  # enough for two of the three
    job = await desk.job()
    await desk.transcriber.run(job.id)
    ended = await desk.now(job)
    assert (ended.status, (ended.error or {})["code"]) == (JobStatus.FAILED, "budget_exceeded")
    assert google.operations() == []
    assert left(google) == []


async def test_a_piece_that_failed_is_heard_again_and_the_others_are_not(
    google: FakeGoogle, desk: Desk
) -> None:
    """F7, F8: a passing failure of one costs neither the others' words nor their money."""
    google.fault("file", code=13, match="/1/", skip=1, times=1)
    job = await desk.job()
    assert await desk.transcriber.run(job.id) is not None
    assert (await desk.now(job)).failures == 1
    assert await desk.transcriber.run(job.id) is None
    assert_whole(await desk.words(job))
    outcomes = sorted(outcome for rows in bills(google).values() for outcome, _ in rows)
    assert outcomes == ["file_error", *["succeeded"] * PIECES]
    booked = await desk.booked()
    assert [attempt for attempt, _, _ in booked] == [1, 2], "each under the attempt that started it"
    assert sum(ms for _, ms, _ in booked) == google.ledger()["billed_ms"]
    assert left(google) == []


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"])
async def test_an_answer_that_was_lost_is_looked_for_and_nothing_is_submitted_again(
    google: FakeGoogle, desk: Desk, code: str
) -> None:
    """F6: neither by the run whose answer was lost, nor by the next."""
    google.fault("BatchRecognize", when="after", code=code, skip=1, times=1)
    job = await desk.job()
    assert await desk.transcriber.run(job.id) is not None
    assert await desk.transcriber.run(job.id) is None
    assert_whole(await desk.words(job))
    assert google.calls()["BatchRecognize"] == {"OK": PIECES - 1, code: 1}
    assert sum(ms for _, ms, _ in await desk.booked()) == google.ledger()["billed_ms"]


async def test_several_failures_at_once_count_as_one(google: FakeGoogle, desk: Desk) -> None:
    """An outage must not use up the attempts piece by piece."""
    google.fault("file", code=13, times=PIECES)
    job = await desk.job()
    assert await desk.transcriber.run(job.id) is not None
    assert (await desk.now(job)).failures == 1
    assert await desk.transcriber.run(job.id) is None
    assert_whole(await desk.words(job))


async def test_a_lasting_failure_of_one_stops_the_others(google: FakeGoogle, desk: Desk) -> None:
    """F32: what runs for nobody is cancelled at once, and what it came to is booked."""
    google.settings(operation_ms=30_000)
    google.fault("file", code=3, times=1)
    job = await desk.job()
    run = asyncio.create_task(desk.transcriber.run(job.id))
    await desk.until_heard(job)
    google.settings(clock_ms=16_000)
    google.finish(google.operations()[0]["name"])
    assert await run is None
    ended = await desk.now(job)
    assert (ended.status, (ended.error or {})["code"]) == (JobStatus.FAILED, "engine_refused")
    outcomes = [operation["error"] for operation in google.operations()]
    assert [error and error["code"] for error in outcomes] == [None, *[1] * (PIECES - 1)]
    ((_, billed_ms, estimated),) = await desk.booked()
    assert (0 < billed_ms < SECONDS * 1_000, estimated) == (True, True)
    assert await desk.open_operations() == 0
    assert left(google) == []


async def test_a_cancelled_job_s_pieces_are_all_stopped(google: FakeGoogle, desk: Desk) -> None:
    """F12: by the run that notices; what was heard until then is booked once."""
    google.settings(operation_ms=30_000)
    job = await desk.job()
    run = asyncio.create_task(desk.transcriber.run(job.id))
    await desk.until_heard(job)
    google.settings(clock_ms=16_000)
    await desk.jobs.cancel(job.id, job.tenant_id, CancelledByUserError())
    await desk.status.tick()
    assert await run is None
    assert [operation["error"]["code"] for operation in google.operations()] == [1] * PIECES
    ((attempt, billed_ms, estimated),) = await desk.booked()
    assert (attempt, estimated) == (1, True)
    assert 26_000 <= billed_ms <= SECONDS * 1_000
    assert await desk.open_operations() == 0
    assert left(google) == []


async def test_what_google_does_not_stop_is_booked_and_deleted_when_it_ends(
    google: FakeGoogle, desk: Desk
) -> None:
    """F12, F32: a cancel is best effort; the bill is Google's in the end, and its late results do not stay."""
    google.settings(operation_ms=30_000, cancel="ignored")
    job = await desk.job()
    run = asyncio.create_task(desk.transcriber.run(job.id))
    await desk.until_heard(job)
    await desk.jobs.cancel(job.id, job.tenant_id, CancelledByUserError())
    await desk.status.tick()
    assert await run is None
    assert await desk.open_operations() == PIECES
    assert await desk.loose_ends.tie_up() == 0, "asked again, and not stopped yet"
    assert await desk.booked() == []
    google.settings(clock_ms=30_000)
    assert await desk.loose_ends.tie_up() == PIECES
    assert await desk.booked() == [(1, google.ledger()["billed_ms"], False)]
    assert left(google) == []


@pytest.mark.parametrize("desk", [{"TRANSCRIPTS_GOOGLE_CALLS_PER_MINUTE": "20"}], indirect=True)
@pytest.mark.parametrize("ends", ["the job is cancelled", "the worker stops"])
async def test_what_was_sent_and_not_meant_to_be_started_is_taken_back(
    google: FakeGoogle, desk: Desk, ends: str
) -> None:
    """F12, F13: while a piece waits for its place in the quota, nothing is written down that would find the audio."""
    job = await desk.job()
    run = asyncio.create_task(desk.transcriber.run(job.id))
    while len(left(google)) < PIECES:
        await asyncio.sleep(0.02)
    assert await desk.open_operations() == 0
    if ends == "the worker stops":
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    else:
        await desk.jobs.cancel(job.id, job.tenant_id, CancelledByUserError())
        await desk.status.tick()
        assert await run is None
    assert left(google) == []
    assert google.operations() == []


async def test_a_stopped_worker_s_pieces_are_followed_by_the_next(google: FakeGoogle, desk: Desk) -> None:
    """F6, F10: by their names, without the recording."""
    google.settings(operation_ms=30_000)
    job = await desk.job()
    run = asyncio.create_task(desk.transcriber.run(job.id))
    await desk.until_heard(job)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await desk.store.delete_prefix(f"sessions/{job.session_id}")
    google.settings(clock_ms=30_000)
    assert await desk.transcriber.run(job.id) is None
    assert_whole(await desk.words(job))
    assert len(google.operations()) == PIECES


@pytest.mark.parametrize("ends", ["is deleted", "is past its time"])
async def test_a_session_takes_its_pieces_along(
    google: FakeGoogle, desk: Desk, sweep: Sweep, ends: str
) -> None:
    """F13: they are stopped and booked, and nothing of them stays in the bucket."""
    google.settings(operation_ms=30_000)
    job = await desk.job()
    run = asyncio.create_task(desk.transcriber.run(job.id))
    await desk.until_heard(job)
    google.settings(clock_ms=16_000)
    assert len(left(google)) == PIECES, "their audio"
    if ends == "is deleted":
        await SessionRepository(desk.pool).delete(job.session_id, job.tenant_id)
    else:
        await desk.pool.execute("UPDATE session SET delete_after = now() - interval '1 second'")
        await sweep.once()
    await desk.status.tick()
    assert await run is None
    assert await desk.open_operations() == 0
    assert left(google) == []
    assert await desk.pool.fetchval("SELECT count(*) FROM job_piece") == 0
    assert len(await desk.booked()) == 1, "what it cost stays"


async def test_what_a_run_could_not_delete_is_deleted_later(google: FakeGoogle, desk: Desk) -> None:
    """Words must not stay in a bucket because a worker died, or the bucket was away, at the wrong moment."""
    google.fault("storage.delete", code=403, times=-1)
    job = await desk.job()
    await desk.transcriber.run(job.id)
    assert (await desk.now(job)).status is JobStatus.SUCCEEDED
    assert len(left(google)) == 2 * PIECES, "audio and results"
    assert await desk.loose_ends.clear(older_than_s=0) == 0
    google.clear_faults()
    assert await desk.loose_ends.clear() == 0, "the run may be about to do it"
    await SessionRepository(desk.pool).delete(job.session_id, job.tenant_id)
    assert await desk.loose_ends.clear(older_than_s=0) == PIECES
    assert left(google) == []
    assert await desk.loose_ends.clear(older_than_s=0) == 0


async def test_progress_and_length_are_those_of_the_recording(google: FakeGoogle, desk: Desk) -> None:
    """F15: one number, that never goes back, whichever piece is ahead."""
    google.settings(operation_ms=30_000)
    job = await desk.job()
    run = asyncio.create_task(desk.transcriber.run(job.id))
    await desk.until_heard(job)
    google.settings(clock_ms=16_000)
    seen: list[JobRecord] = []
    while not seen or seen[-1].audio_ms_done < SECONDS * 500:
        await desk.status.tick()
        seen.append(await desk.now(job))
        await asyncio.sleep(0.05)
    google.settings(clock_ms=30_000)
    await run
    done = [each.audio_ms_done for each in seen]
    assert done == sorted(done)
    assert done[-1] <= SECONDS * 1_000
    assert seen[-1].message == "Listening to 3 pieces"
    assert 50 <= seen[-1].progress < 97
