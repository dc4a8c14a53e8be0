"""What a scaler reads: places there are, and places that would be used."""

from datetime import timedelta
from typing import Any

from shared.errors import EngineUnavailableError
from tests.fixtures.rows import sign_on, stored_job
from tests.integration.api.conftest import Api, StartApi

NOTHING = {
    "due": 0, "running": 0, "deferred": 0, "oldest_due_ms": 0,
    "workers": 0, "places": 0, "places_free": 0, "places_wanted": 0,
}  # fmt: skip


async def signal(api: Api) -> dict[str, Any]:
    answer = await api.get("/v1/ops/scaling")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def whole(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in NOTHING}


async def test_an_idle_service_tells_numbers(api: Api) -> None:
    """A scaler cannot read null."""
    assert await signal(api) == {**NOTHING, "paused": False, "engines": {}}


async def test_places_are_told_in_all_and_by_engine(api: Api) -> None:
    await sign_on(api.pool, "worker-1", places=4, engines=["scripted", "google"])
    await sign_on(api.pool, "worker-2", places=3, engines=["google"])
    for name, kind in (("drains", "draining"), ("gone", "stopped")):
        await sign_on(api.pool, name, engines=["google"], **{kind: True})
    await sign_on(api.pool, "lost", engines=["google"], seen_s_ago=16)
    await api.claimed(await api.send())
    deferred = await api.claimed(await api.send())
    assert await api.jobs.retry_later(
        deferred.id, deferred.attempt, EngineUnavailableError(), timedelta(minutes=5)
    )
    for engine in ("scripted", "local", "local"):
        await stored_job(api.pool, engine=engine)
    await api.pool.execute("UPDATE job SET queued_at = now() - interval '90 seconds' WHERE engine = 'local'")

    found = await signal(api)
    engines = found["engines"]
    ages = [each.pop("oldest_due_ms") for each in (found, engines["local"], engines["scripted"])]
    assert 90_000 <= ages[1] <= ages[0] < 120_000
    assert 0 <= ages[2] < 90_000
    counted = {"due": 3, "running": 1, "deferred": 1, "workers": 2}
    counted |= {"places": 7, "places_free": 6, "places_wanted": 2}
    assert {name: found[name] for name in counted} == counted
    assert engines == {
        "google": {**NOTHING, "workers": 2, "places": 7, "places_free": 6},
        "local": {name: value for name, value in NOTHING.items() if name != "oldest_due_ms"}
        | {"due": 2, "places_wanted": 2},
        "scripted": {
            "due": 1, "running": 1, "deferred": 1, "workers": 1, "places": 4, "places_free": 3, "places_wanted": 2,
        },
    }  # fmt: skip


async def test_jobs_that_nobody_runs_want_no_more_of_the_workers_there_are(api: Api) -> None:
    """Else jobs of another group's engine would buy workers that cannot run them, and keep them for ever."""
    for engine in ("local", "scripted"):
        await stored_job(api.pool, engine=engine)
    assert (await signal(api))["places_wanted"] == 2  # no worker at all: whoever scales has to begin
    await sign_on(api.pool, "worker-1", engines=["scripted"])
    found = await signal(api)
    assert (found["due"], found["places_wanted"]) == (2, 1)
    assert found["engines"]["local"]["places_wanted"] == 1


async def test_a_paused_queue_wants_what_it_runs(api: Api) -> None:
    """Else an outage that was paused for would buy workers that may do nothing."""
    await api.claimed(await api.send())
    await stored_job(api.pool)
    assert (await signal(api))["places_wanted"] == 2
    await api.http.post("/v1/ops/queue/pause", json={})
    found = await signal(api)
    assert (found["paused"], found["due"], found["places_wanted"]) == (True, 1, 1)


async def test_a_tenant_wants_no_more_than_it_may_have(start_api: StartApi) -> None:
    """A thousand jobs of one tenant that may run five at once are no reason for two hundred workers."""
    async with start_api(TRANSCRIPTS_TENANT_MAX_RUNNING=3) as api:
        await sign_on(api.pool, "worker-1", places=100, engines=["scripted", "local"])
        await api.claimed(await api.send())
        for _ in range(4):
            await stored_job(api.pool)
        await stored_job(api.pool, engine="local")
        found = await signal(api)
        assert (found["due"], found["running"], found["places_wanted"]) == (5, 1, 3)
        assert found["engines"]["scripted"]["places_wanted"] == 3
        assert found["engines"]["local"]["places_wanted"] == 1
