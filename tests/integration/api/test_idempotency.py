"""`Idempotency-Key`: sent again, a POST gives its first answer and does nothing again, crashes included."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from api_service.access.tokens import is_token
from api_service.http.claims import Claim, Claims, InFlightError, Kept
from deploy.local.processes import free_port
from shared.database import Pool, open_pool
from shared.errors import EngineError
from shared.pepper import Pepper, SealedError
from shared.settings import known_settings
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.integration.api.conftest import WAV, Api, StartApi, eventually

ROOT = Path(__file__).parents[3]
KEY = {"Idempotency-Key": "0b7e1d62-once"}


async def send(
    api: Api, audio: bytes = WAV, name: str = "call.wav", key: str = "k1", **fields: str
) -> httpx.Response:
    return await api.http.post(
        "/v1/sessions", files={"audio": (name, audio)}, data=fields, headers={"Idempotency-Key": key}
    )  # fmt: skip


async def count(api: Api, table: str = "job") -> int:
    return int(await api.pool.fetchval(f"SELECT count(*) FROM {table}"))


def same(first: httpx.Response, again: httpx.Response) -> None:
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("Location", "Retry-After", "Content-Type", "Cache-Control"):
        assert again.headers.get(name) == first.headers.get(name), name


async def test_the_same_recording_sent_again_gets_the_first_answer(api: Api) -> None:
    """F9, F45: also when the client could not read the first; another boundary and order of fields are no matter."""
    first = await send(api, title="Ana", language="en")
    assert first.status_code == 202, first.text
    await api.claimed(first.json())  # what has changed since does not change the answer
    again = await send(api, language="en", title="Ana")
    same(first, again)
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert await count(api) == 1
    assert len(api.stored()) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"audio": WAV + b"\0\0"},
        {"name": "other.wav"},
        {"title": "Ben"},
        {"title": "Ana", "language": "en"},
        {},
    ],
)
async def test_another_recording_under_the_same_key_is_refused(api: Api, other: dict[str, Any]) -> None:
    first = await send(api, title="Ana")
    assert first.status_code == 202
    answer = await send(api, **other)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert await count(api) == 1
    assert len(api.stored()) == 1
    same(first, await send(api, title="Ana"))


async def test_a_hundred_at_once_make_one_job(api: Api) -> None:
    """F9."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=api.server.url, timeout=300, limits=limits) as http:
        answers = await asyncio.gather(
            *(http.post("/v1/sessions", files={"audio": ("call.wav", WAV)}, headers=KEY) for _ in range(100))
        )
    made = [answer for answer in answers if answer.status_code == 202]
    assert {answer.content for answer in made} == {made[0].content}
    busy = [answer for answer in answers if answer.status_code != 202]
    assert {(answer.status_code, answer.json()["code"]) for answer in busy} <= {
        (409, "idempotency_in_flight")
    }
    assert all(answer.headers["Retry-After"] == "1" for answer in busy)
    assert await count(api) == await count(api, "session") == len(api.stored()) == 1


async def test_keys_are_a_tenant_s_own(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        for tenant in ("one", "two"):
            _, token = await made_key(api.pool, tenant=tenant)
            api.http.headers.update(bearer(token))
            assert (await send(api)).status_code == 202
        assert await count(api) == 2


async def test_an_order_sent_again_is_not_carried_out_again(api: Api) -> None:
    sent = await api.send()
    job = await api.claimed(sent)
    assert await api.jobs.fail(job.id, job.attempt, EngineError())
    url = f"/v1/jobs/{job.id}/retry"
    first = await api.http.post(url, headers=KEY)
    assert first.status_code == 202
    again_job = await api.jobs.claim(first.json()["id"], "w")
    assert again_job is not None
    await api.succeed(again_job)
    same(first, await api.http.post(url, headers=KEY))
    assert await count(api) == 2
    other = await api.http.post(f"/v1/sessions/{sent['session']['id']}/jobs", headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


async def test_a_refusal_by_the_state_is_kept_and_a_wrong_request_is_not(api: Api) -> None:
    sent = await api.send()
    url = f"/v1/sessions/{sent['session']['id']}/jobs"
    busy = await api.http.post(url, headers=KEY, json={"speakers": 3})
    assert (busy.status_code, busy.json()["code"]) == (409, "conflict")
    await api.succeed(await api.claimed(sent))
    same(busy, await api.http.post(url, headers=KEY, json={"speakers": 3}))
    wrong = await api.http.post(url, headers={"Idempotency-Key": "other"}, json={"speakers": 99})
    assert wrong.status_code == 422
    mended = await api.http.post(url, headers={"Idempotency-Key": "other"}, json={"speakers": 3})
    assert mended.status_code == 202


async def test_a_wrong_upload_can_be_mended_under_its_key(api: Api) -> None:
    assert (await send(api, audio=b"%PDF-1.7")).status_code == 415
    assert (await send(api, speakers="99")).status_code == 422
    assert (await send(api, audio=b"")).status_code == 422
    assert await count(api, "idempotency_key") == 0
    assert (await send(api)).status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    answer = await api.http.post("/v1/sessions", headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "`Idempotency-Key`" in answer.json()["detail"]


async def test_a_key_sent_with_a_get_is_no_matter(api: Api) -> None:
    assert (await api.http.get("/v1/sessions", headers=KEY)).status_code == 200
    assert await count(api, "idempotency_key") == 0


async def test_a_key_is_remembered_for_as_long_as_is_set(start_api: StartApi) -> None:
    """F37."""
    async with start_api(TRANSCRIPTS_IDEMPOTENCY_HOURS=2) as api:
        await send(api)
        left = await api.pool.fetchval("SELECT extract(epoch FROM expires_at - now()) FROM idempotency_key")
        assert 7100 < left <= 7200
        await api.pool.execute("UPDATE idempotency_key SET expires_at = now() - interval '1 second'")
        assert (await send(api, title="another")).status_code == 202
        assert await count(api) == 2


async def test_a_key_shown_once_is_shown_again_to_the_same_request_and_lies_sealed(
    start_api: StartApi,
) -> None:
    """F43."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        api.http.headers.update(bearer(token))
        order = {"name": "x", "scopes": ["sessions:read"]}
        first = await api.http.post("/v1/keys", json=order, headers=KEY)
        assert is_token(first.json()["key"])
        same(first, await api.http.post("/v1/keys", json=order, headers=KEY))
        body = await api.pool.fetchval("SELECT body FROM idempotency_key")
        assert first.json()["key"].encode() not in body
        assert await count(api, "api_key") == 2


# Crashes -----------------------------------------------------------------------------------------------

# What was done is committed, and the answer is not: every write of an answer fails.
NO_ANSWERS = "ALTER TABLE idempotency_key ADD CONSTRAINT no_answers CHECK (status IS NULL) NOT VALID"
ANSWERS = "ALTER TABLE idempotency_key DROP CONSTRAINT no_answers"


async def test_what_was_done_and_not_answered_is_found(api: Api) -> None:
    """F9, F45: the recording, another job, and a retry."""
    await api.pool.execute(NO_ANSWERS)
    assert (await send(api)).status_code == 500
    assert await count(api) == 1
    assert (await send(api, title="another")).json()["code"] == "idempotency_mismatch"
    await api.pool.execute(ANSWERS)
    found = await send(api)
    assert (found.status_code, await count(api), len(api.stored())) == (202, 1, 1)
    job = await api.claimed(found.json())
    await api.succeed(job)

    url = f"/v1/sessions/{job.session_id}/jobs"
    await api.pool.execute(NO_ANSWERS)
    assert (await api.http.post(url, headers={"Idempotency-Key": "k2"})).status_code == 500
    second = await api.pool.fetchval("SELECT id FROM job WHERE status = 'queued'")
    claimed = await api.jobs.claim(second, "w")
    assert claimed is not None
    assert await api.jobs.fail(second, claimed.attempt, EngineError())  # it even ends meanwhile
    await api.pool.execute(ANSWERS)
    found = await api.http.post(url, headers={"Idempotency-Key": "k2"})
    assert (found.status_code, found.json()["id"], await count(api)) == (202, str(second), 2)

    await api.pool.execute(NO_ANSWERS)
    assert (
        await api.http.post(f"/v1/jobs/{second}/retry", headers={"Idempotency-Key": "k3"})
    ).status_code == 500
    await api.pool.execute(ANSWERS)
    found = await api.http.post(f"/v1/jobs/{second}/retry", headers={"Idempotency-Key": "k3"})
    assert (found.status_code, found.json()["retry_of"], await count(api)) == (202, str(second), 3)


async def test_a_key_that_was_made_and_not_shown_is_made_anew(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        api.http.headers.update(bearer(token))
        order = {"name": "x", "scopes": ["sessions:read"]}
        await api.pool.execute(NO_ANSWERS)
        assert (await api.http.post("/v1/keys", json=order, headers=KEY)).status_code == 500
        await api.pool.execute(ANSWERS)
        made = await api.http.post("/v1/keys", json=order, headers=KEY)
        assert (made.status_code, await count(api, "api_key")) == (201, 2)
        key = bearer(made.json()["key"])
        assert (await api.http.get("/v1/sessions", headers=key)).status_code == 200

        other, _ = await made_key(api.pool)
        url = f"/v1/keys/{other.id}/rotate"
        await api.pool.execute(NO_ANSWERS)
        assert (await api.http.post(url, headers={"Idempotency-Key": "r"})).status_code == 500
        await api.pool.execute(ANSWERS)
        replaced = await api.http.post(url, headers={"Idempotency-Key": "r"})
        assert (replaced.status_code, await count(api, "api_key")) == (201, 4)
        assert (await api.http.get("/v1/sessions", headers=bearer(replaced.json()["key"]))).status_code == 200


@asynccontextmanager
async def process(env: dict[str, str], folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """An API in a process of its own, and its address."""
    port = free_port(0)
    inherited = {name: value for name, value in os.environ.items() if name not in known_settings()}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api_service", "--port", str(port),
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **env},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip

    async def up() -> bool:
        assert started.returncode is None
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    try:
        await eventually(up)
        yield started, f"http://127.0.0.1:{port}"
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


# The bell is rung after the commit and before the answer: there the process is stopped, and then killed.
HOLD = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
CREATE TRIGGER hold BEFORE UPDATE ON job FOR EACH ROW EXECUTE FUNCTION hold();
"""
RELEASE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep';
DROP TRIGGER hold ON job;
"""


async def test_a_kill_between_commit_and_answer_neither_loses_nor_doubles(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    """F9, F45: the process is killed after the commit; another one gets the request again."""
    env = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": (tmp_path / "objects").as_uri(),
        "TRANSCRIPTS_DEFAULT_ENGINE": "scripted",
    }
    connection = await asyncpg.connect(database_url)
    await connection.execute(HOLD)
    await connection.execute(
        "INSERT INTO worker (id, host, pid, version, max_jobs, seen_at, engines, lane)"
        " VALUES ('w', 'h', 1, '1', 9, now() + interval '1 hour', '[\"scripted\"]', 'scripted')"
    )

    async def held() -> Any:
        return await connection.fetchval("SELECT true FROM pg_stat_activity WHERE wait_event = 'PgSleep'")

    async with process(env, tmp_path) as (first, url), process(env, tmp_path) as (_, other_url):
        async with httpx.AsyncClient(timeout=300) as http:
            files = {"audio": ("call.wav", WAV)}
            sending = asyncio.create_task(http.post(f"{url}/v1/sessions", files=files, headers=KEY))
            await eventually(held)
            first.send_signal(signal.SIGSTOP)
            session = await connection.fetchval("SELECT id FROM session")
            assert await connection.fetchval("SELECT status IS NULL FROM idempotency_key")
            busy = await http.post(f"{other_url}/v1/sessions", files=files, headers=KEY)
            assert (busy.status_code, busy.json()["code"]) == (409, "idempotency_in_flight")
            first.send_signal(signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                await sending
            await connection.execute(RELEASE)
            busy = await http.post(f"{other_url}/v1/sessions", files=files, headers=KEY)
            assert busy.status_code == 409  # for as long as the dead process's lease lasts
            await connection.execute("UPDATE idempotency_key SET locked_until = now()")
            found = await http.post(f"{other_url}/v1/sessions", files=files, headers=KEY)
        assert (found.status_code, found.json()["session"]["id"]) == (202, str(session))
        assert await connection.fetchval("SELECT count(*) FROM job") == 1
        stored = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
        assert [path.read_bytes() for path in stored] == [WAV]
    await connection.close()


# Claims --------------------------------------------------------------------------------------------------


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url, size=4, name="test") as opened:
        yield opened


async def taken(claims: Claims, fingerprint: bytes | None) -> Claim:
    claim = await claims.claim("t", "k", fingerprint)
    assert isinstance(claim, Claim)
    return claim


async def test_a_claim_is_held_for_as_long_as_its_request_runs(pool: Pool) -> None:
    claims = Claims(pool, Pepper([PEPPER]), keep_hours=1)
    async with claims.holding(await taken(claims, b"f")):
        await pool.execute("UPDATE idempotency_key SET locked_until = now()")
        await claims.renew()
        assert await pool.fetchval("SELECT locked_until > now() + interval '20 seconds' FROM idempotency_key")


async def test_what_was_kept_before_a_pepper_was_set_is_still_answered(pool: Pool) -> None:
    without, with_pepper = Claims(pool, None, keep_hours=1), Claims(pool, Pepper([PEPPER]), keep_hours=1)
    for key, keeps in (("plain", without), ("sealed", with_pepper)):
        claim = await keeps.claim("t", key, b"f")
        assert isinstance(claim, Claim)
        assert await keeps.keep(claim, 202, [], b'{"id": 1}')
        kept = await with_pepper.claim("t", key, b"f")
        assert isinstance(kept, Kept)
        assert kept.body == b'{"id": 1}'
    with pytest.raises(SealedError):
        await without.claim("t", "sealed", b"f")


async def test_who_was_overtaken_neither_commits_nor_answers(pool: Pool) -> None:
    """F5: a process that hung for longer than its lease."""
    claims = Claims(pool, None, keep_hours=1)
    slow = await taken(claims, None)
    await pool.execute("UPDATE idempotency_key SET locked_until = now()")
    quick = await taken(claims, None)
    assert slow.id_for("job") == quick.id_for("job") != quick.id_for("session")
    await quick.seal(b"f")
    with pytest.raises(InFlightError):
        await slow.seal(b"f")
    assert not await claims.keep(slow, 500, [], b"slow")
    assert await claims.keep(quick, 202, [("a", "b")], b"quick")
    kept = await claims.claim("t", "k", None)
    assert isinstance(kept, Kept)
    assert (kept.status, kept.headers, kept.body) == (202, [("a", "b")], b"quick")
