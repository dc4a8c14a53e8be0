"""Limits of requests: a tenant's own, by class of route, shared by replicas, and open where Redis is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from arq.connections import ArqRedis
from pydantic import ValidationError

from api_service.http.rate_limits import RouteClass, class_of
from shared.queue.client import connect
from shared.settings import ApiSettings
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.fixtures.tcp_proxy import TcpProxy
from tests.integration.api.conftest import Api, StartApi
from tests.integration.api.test_access import routes

FEW = {"TRANSCRIPTS_PEPPER": PEPPER, "TRANSCRIPTS_RATE_READ": "3/hour", "TRANSCRIPTS_RATE_WRITE": "2/hour"}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[ArqRedis]:
    client = connect(redis_url)
    yield client
    await client.aclose(close_connection_pool=True)


async def ask(
    api: Api, token: str, method: str = "GET", path: str = "/v1/jobs", **kwargs: Any
) -> httpx.Response:
    return await api.http.request(method, path, headers=bearer(token), **kwargs)


async def test_beyond_its_limit_a_tenant_is_refused_and_told_when_to_come_back(start_api: StartApi) -> None:
    async with start_api(**FEW) as api:
        _, token = await made_key(api.pool)
        for sent in range(3):
            answer = await ask(api, token)
            assert answer.status_code == 200
            assert answer.headers["RateLimit-Policy"] == '"read";q=3;w=3600'
            left, _, reset = answer.headers["RateLimit"].removeprefix('"read";r=').partition(";t=")
            assert int(left) == 2 - sent
            assert 1 <= int(reset) <= 3600
        refused = await ask(api, token)
        problem = refused.json()
        assert (refused.status_code, problem["code"], problem["status"]) == (429, "rate_limited", 429)
        assert refused.headers["RateLimit"].startswith('"read";r=0;t=')
        assert int(refused.headers["Retry-After"]) == int(refused.headers["RateLimit"].rpartition("=")[2])
        assert (await ask(api, token, "POST", "/v1/ops/queue/resume")).status_code == 204  # another class


async def test_limits_are_a_tenant_s_own_whatever_its_keys(start_api: StartApi) -> None:
    async with start_api(**FEW) as api:
        tokens = [(await made_key(api.pool, tenant=tenant))[1] for tenant in ("a", "a", "b")]
        for _ in range(3):
            await ask(api, tokens[0])
        assert [(await ask(api, token)).status_code for token in tokens] == [429, 429, 200]


async def test_a_busy_tenant_costs_a_call_for_some_of_its_requests_and_gets_no_more(
    start_api: StartApi, redis: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is: Redis is waited for, and what was taken ahead is used.
    monkeypatch.setattr("api_service.http.rate_limits._PATIENCE_S", 60.0)
    monkeypatch.setattr("api_service.http.rate_limits._OLD_S", 3_600.0)
    async with start_api(**(FEW | {"TRANSCRIPTS_RATE_READ": "1000/hour"})) as api:
        _, token = await made_key(api.pool)
        await ask(api, token)  # the scripts are loaded
        before = (await redis.info("commandstats")).get("cmdstat_evalsha", {"calls": 0})["calls"]
        answers = await asyncio.gather(*(ask(api, token) for _ in range(100)))
        calls = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - before
        assert {answer.status_code for answer in answers} == {200}
        assert calls <= 2 * 100 / 5 + 2
        codes = [(await ask(api, token)).status_code for _ in range(901)]
        assert codes.count(200) == 899  # 1,000 in all
        assert codes[-1] == 429


async def test_replicas_count_together(start_api: StartApi) -> None:
    async with start_api(**FEW) as one, start_api(**FEW) as two:
        _, token = await made_key(one.pool)
        codes = [(await ask(api, token)).status_code for api in (one, two, one, two, one)]
        assert codes == [200, 200, 200, 429, 429]


async def test_a_refused_request_does_nothing_and_may_be_sent_again_with_its_key(start_api: StartApi) -> None:
    async with start_api(**FEW) as api:
        _, token = await made_key(api.pool)
        order = {"name": "x", "scopes": ["ops"]}
        for _ in range(2):
            assert (await ask(api, token, "POST", "/v1/keys", json=order)).status_code == 201
        headers = {**bearer(token), "Idempotency-Key": "k"}
        assert (await api.http.post("/v1/keys", json=order, headers=headers)).status_code == 429
        assert await api.pool.fetchval("SELECT count(*) FROM api_key") == 3
        assert await api.pool.fetchval("SELECT count(*) FROM idempotency_key") == 0


async def test_where_redis_is_away_everyone_is_let_through(start_api: StartApi, redis_url: str) -> None:
    """F2: limits must not stop the service."""
    parts = urlsplit(redis_url)
    assert parts.port
    async with AsyncExitStack() as redis:
        proxy = await redis.enter_async_context(TcpProxy("127.0.0.1", parts.port))
        url = redis_url.replace(f":{parts.port}", f":{proxy.port}")
        async with start_api(**FEW, REDIS_URL=url) as api:
            _, token = await made_key(api.pool)
            assert "RateLimit" in (await ask(api, token)).headers
            await redis.aclose()
            answers = [await ask(api, token) for _ in range(8)]
            assert {answer.status_code for answer in answers} == {200}
            assert "RateLimit" not in answers[-1].headers


async def test_where_there_are_no_keys_or_no_limits_nobody_is_counted(
    start_api: StartApi, redis: ArqRedis
) -> None:
    """F37: an empty setting is no limit; without keys nothing tells one caller from another."""
    async with start_api(TRANSCRIPTS_RATE_READ="1/hour") as api:
        answers = [await api.http.get("/v1/jobs") for _ in range(3)]
        assert {answer.status_code for answer in answers} == {200}
        assert "RateLimit" not in answers[0].headers
    async with start_api(**(FEW | {"TRANSCRIPTS_RATE_READ": ""})) as api:
        _, token = await made_key(api.pool)
        answers = [await ask(api, token) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert (await api.http.get("/healthz")).status_code == 200
    assert await redis.keys("*limits*") == []


@pytest.mark.parametrize("rate", ["many", "0/minute", "5 per minute", "5/week", "-1/second"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    given: dict[str, Any] = {
        "_env_file": None, "DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h",
        "TRANSCRIPTS_STORAGE_URL": "file:///x", "TRANSCRIPTS_RATE_SUBMIT": rate,
    }  # fmt: skip
    with pytest.raises(ValidationError, match="TRANSCRIPTS_RATE_SUBMIT"):
        ApiSettings(**given)


def test_what_makes_work_for_engines_is_counted_by_itself() -> None:
    submits = {(method, path) for method, path in routes() if class_of(method, path) is RouteClass.SUBMIT}
    assert submits == {
        ("POST", "/v1/sessions"), ("POST", "/v1/uploads"), ("POST", "/v1/sessions/{session_id}/jobs"),
        ("POST", "/v1/jobs/{job_id}/retry"), ("POST", "/console/sample"),
    }  # fmt: skip
    assert class_of("PATCH", "/v1/uploads/1") is RouteClass.WRITE
    assert class_of("HEAD", "/v1/uploads/1") is RouteClass.READ
