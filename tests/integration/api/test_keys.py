"""Keys over HTTP and from the command: made, used, replaced, revoked, and never kept as they are."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api_service.access.tokens import SHOWN, is_token, new_token
from shared.errors import SetupError
from shared.scopes import Scope
from shared.settings import known_settings
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.integration.api.conftest import Api, StartApi

ROOT = Path(__file__).parents[3]
EVERYDAY = ["sessions:read", "sessions:write"]


@pytest.fixture
async def api(start_api: StartApi) -> AsyncIterator[Api]:
    """A running API whose client shows a key with every scope."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as running:
        _, token = await made_key(running.pool)
        running.http.headers.update(bearer(token))
        yield running


async def made(api: Api, **order: Any) -> dict[str, Any]:
    answer = await api.http.post("/v1/keys", json={"name": "laptop", "scopes": EVERYDAY, **order})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/keys/{answer.json()['id']}"
    body: dict[str, Any] = answer.json()
    return body


async def opens(api: Api, key: str, path: str = "/v1/sessions") -> int:
    return (await api.http.get(path, headers=bearer(key))).status_code


async def test_a_key_is_shown_once_and_opens_what_its_scopes_say(api: Api) -> None:
    """F43: what is stored is a hash under the pepper."""
    key = await made(api, expires_at="P90D")
    token = key["key"]
    assert is_token(token)
    assert key["start"] == token[:SHOWN]
    assert (await opens(api, token), await opens(api, token, "/v1/keys")) == (200, 403)
    shown = (await api.http.get(f"/v1/keys/{key['id']}")).json()
    assert "key" not in shown
    assert (shown["name"], shown["scopes"], shown["status"], shown["tenant"]) == (
        "laptop", EVERYDAY, "active", "default",
    )  # fmt: skip
    days = (datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)) / timedelta(days=1)
    assert 89 < days <= 90
    everything = await api.pool.fetchval("SELECT string_agg(k::text, ' ') FROM api_key k")
    assert token not in everything
    assert token[SHOWN:] not in everything


async def test_keys_are_listed_newest_first(api: Api) -> None:
    ids = [(await made(api, name=f"key {n}"))["id"] for n in range(3)]
    first = await api.http.get("/v1/keys?limit=2")
    assert [key["id"] for key in first.json()["items"]] == [ids[2], ids[1]]
    second = await api.http.get(first.headers["Link"].partition(">")[0][1:])
    assert second.json()["items"][0]["id"] == ids[0]
    await made_key(api.pool, tenant="other")
    assert len((await api.http.get("/v1/keys")).json()["items"]) == 4


async def test_a_revoked_key_opens_nothing_from_then_on(api: Api) -> None:
    key = await made(api)
    assert await opens(api, key["key"]) == 200  # and is remembered
    for _ in range(2):
        assert (await api.http.delete(f"/v1/keys/{key['id']}")).status_code == 204
        assert await opens(api, key["key"]) == 401
    shown = (await api.http.get(f"/v1/keys/{key['id']}")).json()
    assert shown["status"] == "revoked"
    assert shown["revoked_at"]


async def test_a_stream_ends_when_its_key_is_revoked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api_service.access.gate.LOOK_AGAIN_S", 0.0)  # else after 15 s
    sent = await api.send()
    key = await made(api)
    job = await api.claimed(sent)
    url = f"/v1/jobs/{job.id}/events"
    async with api.http.stream("GET", url, headers=bearer(key["key"])) as stream:
        lines = stream.aiter_lines()
        while not (await anext(lines)).startswith("data:"):
            pass
        await api.http.delete(f"/v1/keys/{key['id']}")
        await api.succeed(job)
        assert [line async for line in lines if line.startswith("data:")] == []


async def test_a_key_makes_none_that_may_do_more(api: Api) -> None:
    """F43: neither by asking for it nor by replacing a stronger one."""
    strong = await made(api, scopes=list(Scope))
    weak = await made(api, scopes=["keys", "sessions:read"])
    shown = bearer(weak["key"])
    more = await api.http.post("/v1/keys", json={"name": "x", "scopes": ["ops"]}, headers=shown)
    assert (more.status_code, more.json()["scope"]) == (403, "ops")
    replaced = await api.http.post(f"/v1/keys/{strong['id']}/rotate", headers=shown)
    assert (replaced.status_code, replaced.json()["scope"]) == (403, "ops sessions:write")
    assert await opens(api, strong["key"]) == 200
    less = await api.http.post("/v1/keys", json={"name": "x", "scopes": ["sessions:read"]}, headers=shown)
    assert less.status_code == 201


async def test_a_replaced_key_opens_no_more(api: Api) -> None:
    key = await made(api)
    answer = await api.http.post(f"/v1/keys/{key['id']}/rotate")
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert (new["name"], new["scopes"]) == ("laptop", EVERYDAY)
    assert (await opens(api, new["key"]), await opens(api, key["key"])) == (200, 401)
    assert (await api.http.post(f"/v1/keys/{key['id']}/rotate")).status_code == 409


async def test_a_key_that_is_being_replaced_opens_until_then(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        api.http.headers.update(bearer(token))
        key = await made(api)
        until = datetime.now(UTC) + timedelta(seconds=1.5)
        answer = await api.http.post(f"/v1/keys/{key['id']}/rotate", json={"until": until.isoformat()})
        assert (await opens(api, answer.json()["key"]), await opens(api, key["key"])) == (200, 200)
        while datetime.now(UTC) <= until:
            await asyncio.sleep(0.05)
        assert await opens(api, key["key"]) == 401  # although it is remembered
        assert (await api.http.get(f"/v1/keys/{key['id']}")).json()["status"] == "expired"


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ({"name": "", "scopes": EVERYDAY}, "name"),
        ({"name": "a\nb", "scopes": EVERYDAY}, "name"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["root"]}, "scopes.0"),
        ({"name": "x", "scopes": EVERYDAY, "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "scopes": EVERYDAY, "tenant": "other"}, "tenant"),
    ],
)
async def test_a_wrong_order_is_told_by_place(api: Api, order: dict[str, Any], place: str) -> None:
    answer = await api.http.post("/v1/keys", json=order)
    assert answer.status_code == 422
    assert f"`{place}`" in answer.json()["detail"]


async def test_tenants_have_their_own_sessions(api: Api) -> None:
    """F43: jobs have an owner."""
    mine = await api.send()
    _, token = await made_key(api.pool, tenant="other")
    api.http.headers.update(bearer(token))
    theirs = await api.send()
    assert [s["id"] for s in (await api.http.get("/v1/sessions")).json()["items"]] == [
        theirs["session"]["id"]
    ]
    assert (await api.http.get(f"/v1/jobs/{mine['job']['id']}")).status_code == 404
    assert await api.pool.fetchval("SELECT count(DISTINCT tenant_id) FROM job") == 2


async def test_uses_are_noted_together_and_not_on_every_request(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        key, token = await made_key(api.pool)
        before = datetime.now(UTC)
        for _ in range(5):
            assert await opens(api, token) == 200
        assert await api.pool.fetchval("SELECT last_used_at FROM api_key") is None
        assert api.server.services.authenticator is not None
        await api.server.services.authenticator.write()
        used = await api.pool.fetchval("SELECT last_used_at FROM api_key WHERE id = $1", key.id)
        assert before <= used <= datetime.now(UTC)


async def test_a_stop_notes_the_last_uses(start_api: StartApi, database_url: str) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        assert await opens(api, token) == 200
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT last_used_at FROM api_key")
    await connection.close()


@pytest.mark.parametrize(("seconds", "expected"), [(0, 401), (60, 200)])
async def test_a_key_is_remembered_for_as_long_as_is_set(
    start_api: StartApi, seconds: float, expected: int
) -> None:
    """F37: how soon a revocation by another process counts here."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER, TRANSCRIPTS_KEY_CACHE_SECONDS=seconds) as api:
        _, token = await made_key(api.pool)
        assert await opens(api, token) == 200
        await api.pool.execute("UPDATE api_key SET revoked_at = now()")
        assert await opens(api, token) == expected


async def test_a_new_pepper_comes_first_and_the_old_one_still_opens(start_api: StartApi) -> None:
    new = "n" * 32
    async with start_api(TRANSCRIPTS_PEPPER=f"{new}, {PEPPER}") as api:
        _, token = await made_key(api.pool)
        assert await opens(api, token) == 200
    async with start_api(TRANSCRIPTS_PEPPER=new) as api:  # what was used meanwhile needs the old one no more
        assert await opens(api, token) == 200
    async with start_api(TRANSCRIPTS_PEPPER="another pepper that made none of them") as api:
        assert await opens(api, token) == 401


async def test_a_database_that_is_away_is_no_wrong_key(api: Api) -> None:
    """F19: 401 would have clients throw their keys away."""
    await api.pool.execute("ALTER TABLE api_key RENAME TO gone")
    assert await opens(api, new_token()) == 500


# Where keys are off --------------------------------------------------------------------------------------


async def test_without_a_pepper_everyone_on_this_machine_is_the_default_tenant(start_api: StartApi) -> None:
    async with start_api() as api:
        assert (await api.http.get("/v1/sessions")).status_code == 200
        assert (await api.http.get("/v1/sessions", headers=bearer("whatever"))).status_code == 200
        made = await api.http.post("/v1/keys", json={"name": "x", "scopes": EVERYDAY})
        assert (made.status_code, made.json()["code"]) == (409, "conflict")
        assert "TRANSCRIPTS_PEPPER" in made.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": ""},
        {"Host": "[::1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_without_keys_no_web_page_of_another_site_gets_in(
    start_api: StartApi, headers: dict[str, str]
) -> None:
    """F43: a page that has a name of its own lead to 127.0.0.1, or posts a form here."""
    async with start_api() as api:
        answer = await api.http.get("/v1/sessions", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert (await api.http.get("/healthz", headers=headers)).status_code == 200


async def test_where_something_else_lets_people_in_no_page_of_another_site_has_them_act(
    start_api: StartApi,
) -> None:
    """F43: a browser that is let in by a cookie sends it with the forms of all pages."""
    async with start_api(TRANSCRIPTS_ALLOW_ANONYMOUS="true") as api:
        cross = {"Host": "transcripts.example", "Sec-Fetch-Site": "cross-site"}
        assert (await api.http.get("/v1/sessions", headers=cross)).status_code == 403
        followed = {**cross, "Sec-Fetch-Mode": "navigate"}
        assert (await api.http.get("/v1/sessions", headers=followed)).status_code == 200
        assert (await api.http.post("/v1/ops/queue/resume", headers=followed)).status_code == 403
        own = {"Host": "transcripts.example", "Sec-Fetch-Site": "same-origin"}
        assert (await api.http.post("/v1/ops/queue/resume", headers=own)).status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:8000"},
        {"Host": "127.0.0.1"},
        {"Host": "[::1]:8000"},
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_without_keys_pages_of_this_machine_get_in(
    start_api: StartApi, headers: dict[str, str]
) -> None:
    async with start_api() as api:
        assert (await api.http.get("/v1/sessions", headers=headers)).status_code == 200


async def test_keys_that_nothing_would_ask_for_are_told_at_the_start(start_api: StartApi) -> None:
    """F43: a pepper that got lost does not open the door."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        await made_key(api.pool)
    with pytest.raises(SetupError, match="TRANSCRIPTS_PEPPER"):
        async with start_api():
            pass
    async with start_api(TRANSCRIPTS_ALLOW_ANONYMOUS="true") as api:
        assert (await api.http.get("/v1/sessions")).status_code == 200


# The command ---------------------------------------------------------------------------------------------


async def command(folder: Path, *arguments: str, **env: str) -> tuple[int, str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in known_settings()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api_service", "keys", *arguments,
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_command_makes_lists_replaces_and_revokes_keys(
    start_api: StartApi, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    env = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": tmp_path.as_uri(),
        "TRANSCRIPTS_PEPPER": PEPPER,
    }
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER, TRANSCRIPTS_KEY_CACHE_SECONDS=0) as api:
        code, out, err = await command(
            tmp_path, "create", "--name", "booking", "--tenant", "acme", "--expires", "P1D", **env
        )
        token = out.strip()
        assert (code, is_token(token)) == (0, True), err
        assert token not in err
        (key,) = await api.pool.fetch("SELECT * FROM api_key")
        assert (key["tenant_id"], key["name"], key["created_by"]) == ("acme", "booking", "command")
        assert await opens(api, token) == 200
        code, out, _ = await command(tmp_path, "list", **env)
        assert (code, token in out) == (0, False)
        assert all(part in out for part in (str(key["id"]), token[:SHOWN], "acme", "active", "booking"))
        code, out, _ = await command(tmp_path, "rotate", str(key["id"]), **env)
        second = out.strip()
        assert (await opens(api, token), await opens(api, second)) == (401, 200)
        newest = await api.pool.fetchval("SELECT id FROM api_key ORDER BY id DESC LIMIT 1")
        assert (await command(tmp_path, "revoke", str(newest), **env))[0] == 0
        assert await opens(api, second) == 401
        done = await api.pool.fetch("SELECT actor, action FROM audit_event ORDER BY id")
        assert [tuple(row) for row in done] == [
            ("command", "create_key"), ("command", "rotate_key"), ("command", "revoke_key"),
        ]  # fmt: skip
        code, _, err = await command(tmp_path, "rotate", str(newest), **env)
        assert (code, "revoked already" in err) == (2, True)


async def test_the_command_says_what_is_missing(tmp_path: Path, database_url: str, redis_url: str) -> None:
    env = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": tmp_path.as_uri(),
    }
    code, out, err = await command(tmp_path, "create", "--name", "x", **env)
    assert (code, out, "TRANSCRIPTS_PEPPER is not set" in err) == (2, "", True)
    code, _, err = await command(tmp_path, "create", "--name", "x", TRANSCRIPTS_PEPPER="hunter2", **env)
    assert code == 2
    assert "TRANSCRIPTS_PEPPER: " in err
    assert "hunter2" not in err
    code, _, err = await command(
        tmp_path, "create", "--name", "x", "--scope", "root", TRANSCRIPTS_PEPPER=PEPPER, **env
    )
    assert code == 2
    assert "sessions:read" in err
