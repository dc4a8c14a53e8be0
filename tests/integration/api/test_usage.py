"""Usage by day, engine and model; budgets, and the promise that money is not spent twice."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.database import transaction
from shared.engines import SCRIPTED
from shared.errors import BudgetExceededError
from shared.ids import new_id
from shared.money.budgets import Budgets, hold
from tests.integration.api.conftest import WAV, Api, StartApi

TODAY = datetime.now(UTC).date()


async def book(api: Api, *, days_ago: int = 0, tenant: str = "default", **values: Any) -> UUID:
    """A row of the ledger."""
    row = {
        "engine": "google",
        "model": "chirp_2",
        "billed_ms": 90_500,
        "micro_dollars": 24_134,
        "estimated": False,
    }
    row |= values
    job = new_id()
    await api.pool.execute(
        "INSERT INTO usage (job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms, micro_dollars,"
        " estimated, created_at) VALUES ($1, 1, $2, $3, $4, $5, $6, $6, $7, $8,"
        " now() - $9 * interval '1 day')",
        job, new_id(), tenant, row["engine"], row["model"], row["billed_ms"], row["micro_dollars"], row["estimated"],
        days_ago,
    )  # fmt: skip
    return job


async def promise(api: Api, micro_dollars: int) -> None:
    """An operation that runs."""
    await api.pool.execute(
        "INSERT INTO operation (prefix, job_id, attempt, session_id, tenant_id, engine, model, audio_ms,"
        " expected_micro_dollars) VALUES ($1, $2, 1, $3, 'default', 'google', 'chirp_2', 1000, $4)",
        f"results/{new_id()}/1/", new_id(), new_id(), micro_dollars,
    )  # fmt: skip


async def test_a_job_that_has_ended_tells_what_it_came_to(api: Api) -> None:
    """All attempts together; nothing while it runs, since the next one may cost something too."""
    job = await api.claimed(await api.send())
    path = f"/v1/jobs/{job.id}"
    for attempt in (1, 2):
        await api.pool.execute(
            "INSERT INTO usage (job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms,"
            " micro_dollars) VALUES ($1, $2, $3, 'default', 'google', 'chirp_2', 500, 500, 134)",
            job.id, attempt, job.session_id,
        )  # fmt: skip
    assert (await api.get(path)).json()["micro_dollars"] is None
    await api.succeed(job)
    assert (await api.get(path)).json()["micro_dollars"] == 268
    assert [each["micro_dollars"] for each in (await api.get("/v1/jobs")).json()["items"]] == [268]


async def test_usage_is_summed_by_day_engine_and_model(api: Api) -> None:
    """F32, F34: milliseconds and micro-dollars, nothing rounded; another tenant's is not in it."""
    await book(api)
    await book(api, billed_ms=500, micro_dollars=134, estimated=True)
    await book(api, days_ago=1, engine="local", model="base", micro_dollars=0)
    await book(api, days_ago=40)
    await book(api, tenant="other")
    report = (await api.get("/v1/usage")).json()
    assert [
        (item["day"], item["engine"], item["attempts"], item["billed_ms"]) for item in report["items"]
    ] == [
        (str(TODAY), "google", 2, 91_000),
        (str(TODAY - timedelta(days=1)), "local", 1, 90_500),
    ]
    assert (report["items"][0]["micro_dollars"], report["items"][0]["estimated_micro_dollars"]) == (
        24_268,
        134,
    )
    assert (report["billed_ms"], report["micro_dollars"]) == (181_500, 24_268)
    old = (
        await api.get(f"/v1/usage?first={TODAY - timedelta(days=40)}&last={TODAY - timedelta(days=40)}")
    ).json()
    assert len(old["items"]) == 1


@pytest.mark.parametrize("query", ["first=2026-02-01&last=2026-01-31", "first=2020-01-01", "first=yesterday"])
async def test_days_that_make_no_sense_are_refused(api: Api, query: str) -> None:
    assert (await api.get(f"/v1/usage?{query}")).status_code == 422


async def test_a_budget_is_set_seen_and_lifted(api: Api) -> None:
    await book(api)
    await promise(api, 5_000)
    nothing = (await api.get("/v1/usage/budget")).json()
    assert (nothing["micro_dollars_per_month"], nothing["promised_micro_dollars"]) == (None, 5_000)
    path = "/v1/ops/tenants/default/budget"
    answer = await api.http.put(path, json={"micro_dollars_per_month": 1_000_000})
    assert answer.status_code == 200
    seen = (await api.get("/v1/usage/budget")).json()
    assert seen == answer.json()
    assert (seen["micro_dollars_per_month"], seen["spent_micro_dollars"]) == (1_000_000, 24_134)
    renews = datetime.fromisoformat(seen["renews_at"])
    assert (renews.day, renews > datetime.now(UTC)) == (1, True)
    assert (await api.http.put(path, json={"micro_dollars_per_month": -1})).status_code == 422
    assert (await api.http.put(path, json={"micro_dollars_per_month": None})).json()[
        "micro_dollars_per_month"
    ] is None


async def test_last_month_is_forgiven(api: Api) -> None:
    await book(api, days_ago=32)
    assert (await Budgets(api.pool).of("default")).spent == 0


async def test_two_at_once_cannot_spend_the_same_rest(api: Api) -> None:
    budgets = Budgets(api.pool)
    await budgets.set("default", 10_000)

    async def spend() -> bool:
        try:
            async with transaction(api.pool) as connection:
                await hold(connection, "default", 4_000)
                await asyncio.sleep(0.02)  # what is promised is written while others wait
                await connection.execute(
                    "INSERT INTO operation (prefix, job_id, attempt, session_id, tenant_id, engine, model, audio_ms,"
                    " expected_micro_dollars) VALUES ($1, $2, 1, $2, 'default', 'google', 'm', 1, 4000)",
                    f"results/{new_id()}/", new_id(),
                )  # fmt: skip
        except BudgetExceededError:
            return False
        return True

    assert sum(await asyncio.gather(*(spend() for _ in range(4)))) == 2
    async with transaction(api.pool) as connection:
        await hold(connection, "default", 0)  # what costs nothing is always allowed
        await hold(connection, "somebody-else", 10**12)


async def test_a_recording_for_a_paid_engine_is_refused_where_nothing_is_left(
    start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Politely: a problem that says why and when it ends; nothing is stored. What costs nothing is taken."""
    monkeypatch.setattr("shared.engines.SCRIPTED", replace(SCRIPTED, paid=True))
    async with start_api() as api:
        await book(api)
        await Budgets(api.pool).set("default", 24_134)
        answer = await api.http.post("/v1/sessions", files={"audio": ("a.wav", WAV)})
        assert (answer.status_code, answer.json()["code"]) == (402, "budget_exceeded")
        assert "renews at" in answer.json()["detail"]
        assert api.stored() == []
        await api.send(engine="local")
        await Budgets(api.pool).set("default", None)
        await api.send()
