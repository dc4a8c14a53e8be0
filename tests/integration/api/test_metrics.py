"""What Prometheus reads of the API."""

from urllib.parse import urlsplit
from uuid import UUID

import httpx
from prometheus_client.parser import text_string_to_metric_families

from shared.ids import new_id
from shared.money.budgets import Budgets
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.fixtures.rows import sign_on
from tests.fixtures.tcp_proxy import TcpProxy
from tests.integration.api.conftest import Api, StartApi


async def scrape(api: Api) -> dict[tuple[str, ...], float]:
    """Every sample by name and the values of its labels."""
    answer = await api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (
            sample.name,
            *(value for name, value in sorted(sample.labels.items()) if name != "version"),
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_requests_are_counted_by_route(api: Api) -> None:
    """Paths that callers make up are one label, not thousands."""
    sent = await api.send()
    for _ in range(3):
        await api.get(f"/v1/jobs/{sent['job']['id']}")
    await api.get(f"/v1/jobs/{new_id()}")
    for path in ("/nothing", "/v1/nowhere", "/.env"):
        await api.get(path)
    found = await scrape(api)
    count = "transcripts_http_request_seconds_count"
    assert found[count, "GET", "/v1/jobs/{job_id}", "200"] == 3
    assert found[count, "GET", "/v1/jobs/{job_id}", "404"] == 1
    assert found[count, "GET", "unmatched", "404"] == 3
    assert found["transcripts_http_received_bytes_total", "/v1/sessions"] > 16_000


async def test_the_queue_is_gauged(api: Api) -> None:
    """What to scale on: jobs that could run now."""
    await sign_on(api.pool, "worker-1", places=5, engines=["scripted"])
    await api.claimed(await api.send())
    await api.send()
    await api.pool.execute("UPDATE job SET queued_at = now() - interval '90 seconds'")
    found = await scrape(api)
    assert [found["transcripts_queue_jobs", state] for state in ("running", "due", "deferred")] == [1, 1, 0]
    assert found[("transcripts_queue_places",)] == 5
    assert found[("transcripts_queue_places_free",)] == 4
    assert 90 <= found[("transcripts_queue_oldest_due_seconds",)] < 120
    assert found[("transcripts_queue_places_wanted",)] == 2
    assert found["transcripts_engine_jobs", "scripted", "due"] == 1
    assert found["transcripts_engine_places", "scripted"] == 5
    assert found["transcripts_engine_places_wanted", "scripted"] == 2
    assert found[("transcripts_queue_readable",)] == 1


async def test_what_stands_still_runs_out_or_fills_up_is_gauged(api: Api) -> None:
    """F1, F4: what an alarm is made of."""
    await sign_on(api.pool, "alive")
    await sign_on(api.pool, "dead", seen_s_ago=90)
    for worker in ("alive", "dead", "dead"):
        sent = await api.send()
        assert await api.jobs.claim(UUID(sent["job"]["id"]), worker)
    await api.pool.execute("UPDATE job SET updated_at = now() - interval '2 minutes'")
    newly = await api.send()
    assert await api.jobs.claim(UUID(newly["job"]["id"]), "dead")  # a lease lasts some seconds: not stuck yet
    await Budgets(api.pool).set("default", 2_000_000)
    await Budgets(api.pool).set("nobody", 0)
    await api.pool.execute(
        "INSERT INTO usage (job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms, micro_dollars)"
        " VALUES ($1, 1, $1, 'default', 'google', 'm', 1, 1, 1500000)", new_id(),
    )  # fmt: skip
    found = await scrape(api)
    assert found[("transcripts_jobs_stuck",)] == 2
    assert found[("transcripts_budget_used_ratio",)] == 0.75
    assert found[("transcripts_webhooks_late_seconds",)] == 0
    assert found[("transcripts_redis_up",)] == 1
    assert found[("transcripts_redis_evicts",)] == 0
    assert found[("transcripts_redis_used_memory_bytes",)] > 100_000
    assert (
        0 < found["transcripts_disk_free_bytes", "objects"] < found["transcripts_disk_size_bytes", "objects"]
    )


async def test_metrics_are_there_while_redis_is_silent(redis_url: str, start_api: StartApi) -> None:
    port = urlsplit(redis_url).port
    assert port is not None
    async with TcpProxy("127.0.0.1", port) as proxy:
        through = redis_url.replace(f":{port}", f":{proxy.port}")
        async with start_api(REDIS_URL=through) as api:
            proxy.blackhole()
            assert (await scrape(api))[("transcripts_redis_up",)] == 0
            proxy.restore()


async def test_metrics_tell_that_postgres_is_silent(database_url: str, start_api: StartApi) -> None:
    """F36: also where keys are looked up in it, and then nothing else is open. Alarms are made of this."""
    port = urlsplit(database_url).port
    assert port is not None
    async with TcpProxy("127.0.0.1", port) as proxy:
        through = database_url.replace(f":{port}", f":{proxy.port}")
        settings = {
            "TRANSCRIPTS_PEPPER": PEPPER,
            "TRANSCRIPTS_KEY_CACHE_SECONDS": "0",
            "DATABASE_URL": through,
        }
        async with start_api(**settings) as api:
            _, key = await made_key(api.pool)
            _, other = await made_key(api.pool)
            api.http.headers.update(bearer(key))
            assert (await scrape(api))[("transcripts_queue_readable",)] == 1
            proxy.blackhole()
            assert (await scrape(api))[("transcripts_queue_readable",)] == 0
            assert (await api.get("/readyz")).json()["checks"]["postgres"]["ok"] is False
            assert (
                await api.get("/metrics", **bearer(other))
            ).status_code == 503  # never seen: cannot be told
            proxy.restore()


async def test_a_client_that_goes_away_is_counted(start_api: StartApi) -> None:
    async with start_api() as api, httpx.AsyncClient(base_url=api.server.url) as http:
        await http.get("/healthz")
        assert (await scrape(api))["transcripts_http_request_seconds_count", "GET", "/healthz", "200"] == 1
