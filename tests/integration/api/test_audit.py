"""The audit trail: who read what was said, who changed what; noted before the answer, and never changed."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from api_service.access.audit import is_audited
from shared.scopes import Scope
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.integration.api.conftest import Api, StartApi
from tests.integration.api.test_access import routes

Noted = list[tuple[str, int]]


@pytest.fixture
async def api(start_api: StartApi) -> AsyncIterator[Api]:
    """A running API whose client shows a key with every scope."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as running:
        _, token = await made_key(running.pool)
        running.http.headers.update(bearer(token))
        yield running


async def trail(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = await api.http.get(f"/v1/ops/audit{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return [event for event in items if event["action"] != "list_audit_events"]


async def noted(api: Api) -> Noted:
    """Actions and statuses, oldest first."""
    return [(event["action"], event["status"]) for event in reversed(await trail(api))]


async def test_reads_of_what_was_said_are_noted(api: Api) -> None:
    sent = await api.send()
    await api.succeed(await api.claimed(sent))
    session = sent["session"]["id"]
    inside = ("transcript", "transcript?format=srt", "audio", "speakers", "segments/0", "transcript/history")
    for path in inside:
        answer = await api.http.get(
            f"/v1/sessions/{session}/{path}", headers={"X-Request-Id": f"r-{path[:5]}"}
        )
        assert answer.status_code == 200, answer.text
    for path in (f"/v1/exports?session_id={session}&format=txt", "/v1/search?q=confidential"):
        assert (await api.http.get(path)).status_code == 200, path
    assert await noted(api) == [
        ("create_session", 202), ("get_transcript", 200), ("get_transcript", 200), ("get_audio", 200),
        ("get_speakers", 200), ("get_segment", 200), ("list_edits", 200), ("export_many", 200), ("search", 200),
    ]  # fmt: skip
    (audio,) = await trail(api, "?action=get_audio")
    key = (await api.http.get("/v1/keys")).json()["items"][0]
    assert (audio["actor"], audio["actor_name"], audio["tenant"]) == (key["id"], "of a test", "default")
    assert (audio["session_id"], audio["path"]) == (session, f"/v1/sessions/{session}/audio")
    assert (audio["request_id"], audio["address"]) == ("r-audio", "127.0.0.1")
    (export,) = await trail(api, "?action=export_many")
    assert export["path"] == f"/v1/exports?session_id={session}&format=txt"
    assert "confidential" not in str(await api.pool.fetch("SELECT * FROM audit_event"))


async def test_what_shows_nothing_is_not_noted(api: Api) -> None:
    sent = await api.send()
    job = await api.claimed(sent)
    url = f"/v1/sessions/{sent['session']['id']}"
    assert (await api.http.get(f"{url}/transcript")).status_code == 409
    await api.succeed(job)
    tag = (await api.http.get(f"{url}/audio")).headers["ETag"]
    before = len(await trail(api))
    assert (await api.http.get(f"{url}/audio", headers={"If-None-Match": tag})).status_code == 304
    assert (await api.http.head(f"{url}/transcript")).status_code == 200
    assert (await api.http.get(f"/v1/sessions/{uuid4()}/transcript")).status_code == 404
    for path in (url, "/v1/sessions", f"/v1/jobs/{job.id}", "/v1/jobs", "/v1/engines", "/healthz"):
        assert (await api.http.get(path)).status_code == 200
    _, other = await made_key(api.pool, tenant="other")
    assert (await api.http.get(f"{url}/transcript", headers=bearer(other))).status_code == 404
    assert (await api.http.get(f"{url}/transcript", headers=bearer("ctk_x"))).status_code == 401
    assert len(await trail(api)) == before


async def test_a_player_s_ranges_are_one_read(api: Api) -> None:
    sent = await api.send()
    url = f"/v1/sessions/{sent['session']['id']}/audio"
    for start in (0, 100, 200, 300):
        assert (await api.http.get(url, headers={"Range": f"bytes={start}-"})).status_code == 206
    _, other = await made_key(api.pool)
    assert (await api.http.get(url, headers={"Range": "bytes=0-", **bearer(other)})).status_code == 206
    assert [action for action, _ in await noted(api)] == ["create_session", "get_audio", "get_audio"]


async def test_what_is_changed_is_noted(api: Api) -> None:
    sent = await api.send()
    url = f"/v1/sessions/{sent['session']['id']}"
    await api.succeed(await api.claimed(sent))
    key = (await api.http.post("/v1/keys", json={"name": "x", "scopes": ["sessions:read"]})).json()
    await api.http.delete(f"/v1/keys/{key['id']}")
    await api.http.patch(url, json={"title": "Second"})
    await api.http.post("/v1/webhooks", json={"url": "https://app.example/"})
    await api.http.post("/v1/ops/queue/pause", json={"reason": "Lunch"})
    await api.http.post("/v1/ops/queue/resume")
    await api.http.post("/v1/ops/jobs/requeue", json={"ids": [str(uuid4())]})
    await api.http.post(f"/v1/jobs/{sent['job']['id']}/cancel")  # 409: nothing is done
    await api.http.delete(url)
    assert await noted(api) == [
        ("create_session", 202), ("create_key", 201), ("revoke_key", 204), ("update_session", 200),
        ("create_webhook", 201), ("pause_queue", 204), ("resume_queue", 204), ("requeue_jobs", 200),
        ("delete_session", 204),
    ]  # fmt: skip
    assert [event["action"] for event in await trail(api, f"?session_id={sent['session']['id']}")] == [
        "delete_session", "update_session",
    ]  # fmt: skip


async def test_every_route_that_changes_something_is_noted() -> None:
    """New routes join by themselves."""
    unnoted = {
        (method, path) for method, path in routes() if method not in {"GET", "OPTIONS"} and not is_audited(method, path)
    }  # fmt: skip
    of_the_browser = {"/console/sign-out", "/console/language", "/console/theme"}
    pieces = {"/v1/uploads", "/v1/uploads/{upload_id}"} | {
        f"/console/upload/{{upload_id}}/{what}" for what in ("seal", "open")
    }
    assert {path for _, path in unnoted} == pieces | of_the_browser
    inside = {path for method, path in routes() if method == "GET" and is_audited(method, path)}
    assert {"/v1/sessions/{session_id}/transcript", "/v1/sessions/{session_id}/audio", "/v1/search"} <= inside
    assert "/v1/sessions/{session_id}" not in inside


@pytest.mark.parametrize(
    "change", ["UPDATE audit_event SET actor = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
async def test_the_trail_is_never_changed(api: Api, change: str) -> None:
    await api.send()
    with pytest.raises(asyncpg.RaiseError, match="never changed"):
        await api.pool.execute(change)
    assert await noted(api) == [("create_session", 202)]


async def test_a_read_that_cannot_be_noted_is_not_answered_and_a_change_is(api: Api) -> None:
    sent = await api.send()
    await api.succeed(await api.claimed(sent))
    await api.pool.execute("ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
    url = f"/v1/sessions/{sent['session']['id']}"
    for path in ("transcript", "audio"):
        answer = await api.http.get(f"{url}/{path}")
        assert answer.status_code == 500
        assert "How are you?" not in answer.text
    assert (await api.http.patch(url, json={"title": "Second"})).status_code == 200
    assert (await api.http.get(url)).json()["title"] == "Second"


async def test_operators_see_all_tenants_in_pages_and_by_what_they_look_for(api: Api) -> None:
    _, other = await made_key(api.pool, tenant="other")
    for _ in range(3):
        await api.send()
    await api.http.post("/v1/webhooks", json={"url": "https://app.example/"}, headers=bearer(other))
    first = await api.http.get("/v1/ops/audit?limit=2")
    assert [event["action"] for event in first.json()["items"]] == ["create_webhook", "create_session"]
    second = await api.http.get(first.headers["Link"].partition(">")[0][1:])
    assert [event["action"] for event in second.json()["items"]] == ["create_session"] * 2
    (theirs,) = await trail(api, "?tenant=other")
    assert await trail(api, f"?actor={theirs['actor']}") == [theirs]
    assert len(await trail(api, "?action=create_session&action=create_webhook")) == 4
    at = theirs["at"].replace("+", "%2B")
    assert await trail(api, f"?after={at}") == [theirs]
    assert len(await trail(api, f"?before={at}")) == 3
    assert (await api.http.get("/v1/ops/audit?who=me")).status_code == 422
    _, mine = await made_key(api.pool, scopes=set(Scope) - {Scope.OPS})
    assert (await api.http.get("/v1/ops/audit", headers=bearer(mine))).status_code == 403


async def test_without_keys_everyone_is_anonymous(start_api: StartApi) -> None:
    async with start_api() as api:
        await api.send()
        (event,) = await trail(api)
        assert (event["actor"], event["actor_name"]) == ("anonymous", None)
