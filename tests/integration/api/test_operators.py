"""What operators see and do over HTTP."""

from datetime import timedelta
from typing import Any

from shared.database import transaction
from shared.errors import EngineError, EngineUnavailableError
from shared.ids import new_id
from shared.jobs.operations import Cost, OperationRepository
from shared.jobs.pieces import Intent, Piece, PieceRepository
from shared.lifecycle import Outcome
from tests.fixtures.rows import sign_on
from tests.integration.api.conftest import Api, eventually


async def order(api: Api, path: str, expected: int = 200, **body: Any) -> dict[str, Any]:
    answer = await api.http.post(f"/v1/ops{path}", json=body)
    assert answer.status_code == expected, answer.text
    return dict(answer.json()) if answer.content else {}


async def look(api: Api, path: str) -> dict[str, Any]:
    answer = await api.get(f"/v1/ops{path}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_workers_are_listed_with_what_they_run(api: Api) -> None:
    rows: dict[str, dict[str, Any]] = {
        "lives": {}, "is-lost": {"seen_s_ago": 16}, "drains": {"draining": True}, "is-gone": {"stopped": True},
    }  # fmt: skip
    for worker, given in rows.items():
        await sign_on(api.pool, worker, **given)
    job = await api.jobs.claim((await api.claimed(await api.send())).id, "lives")
    assert job is not None
    workers = {worker["id"]: worker for worker in (await look(api, "/workers"))["items"]}
    states = {worker: row["state"] for worker, row in workers.items()}
    assert states == {"lives": "running", "is-lost": "lost", "drains": "draining", "is-gone": "stopped"}
    assert workers["lives"]["job_ids"] == [str(job.id)]


async def test_the_queue_is_counted(api: Api) -> None:
    await sign_on(api.pool, places=7)
    running = await api.claimed(await api.send(priority="high"))
    deferred = await api.claimed(await api.send())
    assert await api.jobs.retry_later(
        deferred.id, deferred.attempt, EngineUnavailableError(), timedelta(minutes=5)
    )
    await api.send(priority="low")
    await api.succeed(await api.claimed(await api.send()))
    queue = await look(api, "/queue")
    counts = {name: queue[name] for name in ("workers", "places", "running", "due", "deferred", "paused")}
    assert counts == {"workers": 1, "places": 7, "running": 1, "due": 1, "deferred": 1, "paused": False}
    assert queue["oldest_due_ms"] >= 0
    assert {line["name"]: (line["running"], line["waiting"]) for line in queue["by_priority"]} == {
        "high": (1, 0), "normal": (0, 1), "low": (0, 1),
    }  # fmt: skip
    assert queue["by_tenant"] == [{"name": running.tenant_id, "running": 1, "waiting": 2}]
    assert [past["succeeded"] for past in queue["past"]] == [1, 1, 1]
    assert queue["past"][0]["run_p50_ms"] >= 0


async def test_a_paused_queue_takes_jobs_and_lets_none_in(api: Api) -> None:
    await sign_on(api.pool)
    await order(api, "/queue/pause", 204, reason="Google is down")
    job = (await api.send())["job"]
    assert await api.pool.fetchval("SELECT rung_at FROM job") is None
    queue = await look(api, "/queue")
    assert (queue["paused"], queue["pause_reason"], queue["due"]) == (True, "Google is down", 1)
    await order(api, "/queue/pause", 204)
    await order(api, "/queue/resume", 204)
    await order(api, "/queue/resume", 204)

    async def let_in() -> Any:
        return await api.pool.fetchval("SELECT rung_at FROM job")

    await eventually(let_in)
    assert job["status"] == "queued"


async def test_a_job_tells_its_life(api: Api) -> None:
    sent = await api.send(title="A session")
    job = await api.claimed(sent)
    assert await api.jobs.retry_later(job.id, job.attempt, EngineUnavailableError(), timedelta(minutes=5))
    await api.pool.execute("UPDATE job SET next_attempt_at = NULL")
    job = await api.claimed(sent)
    assert await api.jobs.fail(job.id, job.attempt, EngineError("broken"))
    detail = await look(api, f"/jobs/{job.id}")
    assert (detail["title"], detail["tenant_id"], detail["job"]["status"]) == (
        "A session",
        "default",
        "failed",
    )
    told = [(event["attempt"], event["what"]) for event in detail["events"]]
    assert told == [(0, "queued"), (1, "claimed"), (1, "will_retry"), (2, "claimed"), (2, "failed")]
    assert detail["events"][1]["detail"]["worker"] == "worker-1"
    assert detail["events"][4]["detail"]["code"] == "engine_failed"
    assert (await api.get(f"/v1/ops/jobs/{new_id()}")).status_code == 404


async def test_a_job_tells_what_its_engines_were_asked_to_do(api: Api) -> None:
    """F13: piece by piece, with what it is expected to cost, and what became of it."""
    job = await api.claimed(await api.send())
    cuts = (Piece(0, 0, 60_000), Piece(1, 50_000, 90_000))
    intents = [Intent(cut, f"results/{job.id}/1/{cut.n}/", Cost(1_000, 267)) for cut in cuts]
    assert await PieceRepository(api.pool).intend(job, intents, model="chirp_3", notices=()) is not None
    told = (await look(api, f"/jobs/{job.id}"))["operations"]
    assert [(each["piece"], each["audio_ms"], each["expected_micro_dollars"]) for each in told] == [
        (0, 60_000, 267), (1, 40_000, 267),
    ]  # fmt: skip
    assert {(each["model"], each["attempt"], each["name"], each["outcome"]) for each in told} == {
        ("chirp_3", 1, None, None)
    }


async def test_a_job_tells_what_each_operation_and_each_attempt_came_to(api: Api) -> None:
    """F32: a piece that failed and one that was heard cost their own; the attempt, both."""
    job = await api.claimed(await api.send())
    cuts = (Piece(0, 0, 60_000), Piece(1, 50_000, 90_000))
    intents = [Intent(cut, f"results/{job.id}/1/{cut.n}/", Cost(1_000, 267)) for cut in cuts]
    pieces = await PieceRepository(api.pool).intend(job, intents, model="chirp_3", notices=())
    assert pieces is not None
    rows = OperationRepository(api.pool)
    operations = [await rows.get(intent.prefix) for intent in intents]
    ends = ((Outcome.SUCCEEDED, Cost(60_000, 16_000)), (Outcome.FAILED, Cost(40_000, 10_667, estimated=True)))
    async with transaction(api.pool) as connection:
        for operation, (outcome, cost) in zip(operations, ends, strict=True):
            assert operation is not None
            await rows.close(connection, operation, outcome, cost)
    told = await look(api, f"/jobs/{job.id}")
    assert [
        (each["outcome"], each["billed_ms"], each["micro_dollars"], each["estimated"])
        for each in told["operations"]
    ] == [("succeeded", 60_000, 16_000, False), ("failed", 40_000, 10_667, True)]
    [cost] = told["costs"]
    assert (cost["attempt"], cost["audio_ms"], cost["billed_ms"], cost["micro_dollars"], cost["estimated"]) == (
        1, 100_000, 100_000, 26_667, True,
    )  # fmt: skip
    assert told["micro_dollars"] == 26_667


async def test_jobs_of_all_tenants_are_filtered_and_paged(api: Api) -> None:
    first, second, third = [await api.send() for _ in range(3)]
    job = await api.claimed(second)
    assert await api.jobs.fail(job.id, job.attempt, EngineError("broken"))
    await api.pool.execute("UPDATE job SET tenant_id = 'other' WHERE id = $1::uuid", third["job"]["id"])
    page = await look(api, "/jobs?limit=2")
    rest = await look(api, f"/jobs?limit=2&cursor={page['next_cursor']}")
    ids = [each["job"]["id"] for each in page["items"] + rest["items"]]
    assert ids == [each["job"]["id"] for each in (third, second, first)]
    for query, wanted in (
        ("status=failed", [second]), ("tenant_id=other", [third]), ("error_code=engine_failed", [second]),
        ("engine=nothing", []), ("worker=worker-1", []), ("created_after=2100-01-01T00:00:00Z", []),
    ):  # fmt: skip
        found = [each["job"]["id"] for each in (await look(api, f"/jobs?{query}"))["items"]]
        assert found == [each["job"]["id"] for each in wanted], query


async def test_failed_jobs_are_requeued_together(api: Api) -> None:
    failed = [await api.claimed(await api.send()) for _ in range(2)]
    for job in failed:
        assert await api.jobs.fail(job.id, job.attempt, EngineError("broken"))
    active = await api.send()
    missing = new_id()
    done = await order(api, "/jobs/requeue", error_code="engine_failed")
    assert len(done["done"]) == 2
    assert done["left"] == {}
    retries = await api.pool.fetch("SELECT retry_of, tenant_id FROM job WHERE retry_of IS NOT NULL")
    assert {row["retry_of"] for row in retries} == {job.id for job in failed}
    again = await order(api, "/jobs/requeue", ids=[str(failed[0].id), active["job"]["id"], str(missing)])
    assert again["done"] == []
    assert "transcribed already" in again["left"][str(failed[0].id)]
    assert "is queued" in again["left"][active["job"]["id"]]
    assert again["left"][str(missing)] == "There is no such job."


async def test_waiting_and_running_jobs_are_cancelled_together(api: Api) -> None:
    sent = [await api.send() for _ in range(3)]
    await api.claimed(sent[0])
    done = await order(api, "/jobs/cancel", tenant_id="default", limit=2)
    assert len(done["done"]) == 2
    assert len((await order(api, "/jobs/cancel", status=["running"]))["done"]) == 1
    assert await api.pool.fetchval("SELECT count(*) FROM job WHERE status = 'cancelled'") == 3
    left = await order(api, "/jobs/cancel", ids=[sent[0]["job"]["id"]])
    assert "cancelled already" in left["left"][sent[0]["job"]["id"]]


async def test_an_order_that_selects_nothing_does_nothing(api: Api) -> None:
    """An empty body must not mean everything."""
    await api.send()
    for path in ("/jobs/cancel", "/jobs/requeue"):
        assert "names no jobs" in (await order(api, path, 422))["detail"]
        assert "names no jobs" in (await order(api, path, 422, limit=5))["detail"]
    assert await api.pool.fetchval("SELECT count(*) FROM job WHERE status = 'queued'") == 1


async def test_a_drain_is_written_for_the_worker_to_read(api: Api) -> None:
    await sign_on(api.pool, "w", places=5)
    await order(api, "/workers/w/drain", 204)
    assert (await look(api, "/workers"))["items"][0]["state"] == "draining"
    await order(api, "/workers/nobody/drain", 404)
    await sign_on(api.pool, "gone", stopped=True)
    await order(api, "/workers/gone/drain", 404)


async def test_the_past_is_told_interval_by_interval(api: Api) -> None:
    await sign_on(api.pool)
    done = await api.claimed(await api.send())
    await api.succeed(done)
    failed = await api.claimed(await api.send())
    assert await api.jobs.fail(failed.id, failed.attempt, EngineError())
    old = await api.claimed(await api.send())
    await api.succeed(old)
    await api.pool.execute("UPDATE job SET finished_at = now() - interval '3 hours' WHERE id = $1", old.id)
    await api.pool.execute(
        "INSERT INTO usage (job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms, micro_dollars)"
        " VALUES ($1, 1, $1, 'gone', 'google', 'chirp_3', 60000, 60000, 16000)", new_id(),
    )  # fmt: skip
    lengths = {"hour": 60, "day": 96, "week": 84, "month": 90}
    for span, length in lengths.items():
        trends = await look(api, f"/trends?span={span}")
        step_seconds = trends.pop("step_seconds")
        assert {len(column) for column in trends.values()} == {length}, span
        assert (
            step_seconds * length == {"hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_592_000}[span]
        )
        assert sum(trends["succeeded"]) == (1 if span == "hour" else 2)
        assert (sum(trends["failed"]), sum(trends["micro_dollars"]), sum(trends["audio_ms"])) == (
            1,
            16_000,
            60_000,
        )
        assert [ms is not None for ms in trends["run_p95_ms"]] == [count > 0 for count in trends["succeeded"]]
    assert (await api.get("/v1/ops/trends?span=year")).status_code == 422


async def test_jobs_are_told_apart_by_whether_they_wait_for_another_try(api: Api) -> None:
    await sign_on(api.pool)
    deferred = await api.claimed(await api.send())
    assert await api.jobs.retry_later(
        deferred.id, deferred.attempt, EngineUnavailableError(), timedelta(minutes=5)
    )
    waiting = (await api.send())["job"]["id"]
    found = {
        wanted: [
            each["job"]["id"] for each in (await look(api, f"/jobs?status=queued&deferred={wanted}"))["items"]
        ]
        for wanted in ("true", "false")
    }
    assert found == {"true": [str(deferred.id)], "false": [waiting]}


async def test_jobs_are_found_by_their_session_and_by_the_request_that_made_them(api: Api) -> None:
    await sign_on(api.pool)
    sent = await api.send()
    await api.send()
    made_by = await api.pool.fetchval("SELECT request_id FROM job WHERE id = $1::uuid", sent["job"]["id"])
    for query in (f"session_id={sent['session']['id']}", f"request_id={made_by}"):
        found = (await look(api, f"/jobs?{query}"))["items"]
        assert [each["job"]["id"] for each in found] == [sent["job"]["id"]], query
