"""Sessions over HTTP: listed, changed, transcribed again, erased."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.rows import an_operation
from tests.integration.api.conftest import Api, StartApi


async def titles(api: Api, query: str = "") -> list[str]:
    answer = await api.get(f"/v1/sessions{query}")
    assert answer.status_code == 200, answer.text
    return [session["title"] for session in answer.json()["items"]]


async def test_a_list_is_read_page_by_page_along_its_links(api: Api) -> None:
    for number in range(5):
        await api.send(title=f"s{number}")
    url, found = "/v1/sessions?limit=2&status=queued", []
    while url:
        answer = await api.http.get(url)
        found += [session["title"] for session in answer.json()["items"]]
        link = answer.links.get("next", {})
        assert (answer.json()["next_cursor"] is None) == (not link)
        url = link.get("url", "")
    assert found == ["s4", "s3", "s2", "s1", "s0"]


async def test_a_new_session_does_not_shift_the_next_page(api: Api) -> None:
    for number in range(3):
        await api.send(title=f"s{number}")
    first = (await api.get("/v1/sessions?limit=2")).json()
    await api.send(title="late")
    assert await titles(api, f"?limit=2&cursor={first['next_cursor']}") == ["s0"]


async def test_a_list_is_filtered(api: Api) -> None:
    await api.send(title="Erstgespräch mit ANA", language="de")
    await api.send(title="Second 100%_session", language="en-US")
    heard = await api.claimed(await api.send(title="第三次", language=""))
    await api.succeed(heard)  # it hears English
    cut = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    await api.send(title="late", language="zh-TW")
    assert await titles(api, "?language=en") == ["第三次", "Second 100%_session"]
    assert await titles(api, "?language=EN-us") == ["Second 100%_session"]
    assert await titles(api, "?language=zh") == ["late"]
    assert await titles(api, "?status=succeeded") == ["第三次"]
    assert await titles(api, "?status=failed&status=cancelled") == []
    assert await titles(api, "?q=ana") == ["Erstgespräch mit ANA"]
    assert await titles(api, "?q=%25_") == ["Second 100%_session"]
    assert await titles(api, "?q=第三") == ["第三次"]
    assert await titles(api, f"?created_after={cut}") == ["late"]
    assert len(await titles(api, f"?created_before={cut}")) == 3


async def test_a_list_holds_no_words_and_nothing_of_the_provider_s(api: Api) -> None:
    """F18."""
    job = await api.claimed(await api.send())
    await an_operation(api.pool, job, "projects/secret/operations/1")
    await api.succeed(job)
    for path in ("/v1/sessions", "/v1/jobs"):
        text = (await api.get(path)).text
        assert "How are you" not in text
        assert "projects/secret" not in text
        assert "worker-1" not in text


async def test_a_session_is_changed_in_what_the_patch_names(api: Api) -> None:
    sent = await api.send(title="Old", metadata='{"a": 1}', delete_after="P30D")
    url = f"/v1/sessions/{sent['session']['id']}"
    changed = (await api.http.patch(url, json={"title": "會談 №1"})).json()
    assert (changed["title"], changed["metadata"]) == ("會談 №1", {"a": 1})
    assert changed["delete_after"] == sent["session"]["delete_after"]
    assert changed["updated_at"] > sent["session"]["updated_at"]
    changed = (await api.http.patch(url, json={"delete_after": None, "metadata": {}})).json()
    assert (changed["delete_after"], changed["metadata"], changed["title"]) == (None, {}, "會談 №1")
    later = (await api.http.patch(url, json={"delete_after": "PT1H"})).json()["delete_after"]
    assert timedelta(minutes=59) < datetime.fromisoformat(later) - datetime.now(UTC) <= timedelta(hours=1)
    assert (await api.get(url)).json()["delete_after"] == later


@pytest.mark.parametrize("active", [False, True])
async def test_an_erased_session_leaves_its_ledger_alone(api: Api, active: bool) -> None:
    """F13, F32: recording, transcript, rows are gone, usage is kept; a run that goes on writes nothing."""
    kept = await api.send(title="kept")
    sent = await api.send()
    job = await api.claimed(sent)
    await api.pool.execute(
        "INSERT INTO usage (job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms,"
        " micro_dollars) VALUES ($1, 1, $2, 'default', 'scripted', 'm', 1, 1, 1)",
        job.id, job.session_id,
    )  # fmt: skip
    if not active:
        await api.succeed(job)
    url = f"/v1/sessions/{sent['session']['id']}"
    answer = await api.http.delete(url)
    assert (answer.status_code, answer.content) == (204, b"")
    for path in (url, f"{url}/transcript", f"{url}/audio", f"/v1/jobs/{job.id}"):
        assert (await api.get(path)).status_code == 404
    assert (await api.http.delete(url)).status_code == 404
    assert [path.parent.name for path in api.stored()] == [kept["session"]["id"]]
    assert await api.pool.fetchval("SELECT count(*) FROM transcript_segment") == 0
    assert await api.pool.fetchval("SELECT count(*) FROM usage") == 1
    assert await titles(api) == ["kept"]


async def test_a_session_is_transcribed_again_as_before_but_for_what_is_said(api: Api) -> None:
    sent = await api.send(language="zh-TW", model="words=3", phrases='["Ana"]', speakers="3", priority="low")
    job = await api.claimed(sent)
    await api.succeed(job)
    url = f"/v1/sessions/{sent['session']['id']}/jobs"
    answer = await api.http.post(url, json={"speakers": 4, "model": "words=9"})
    assert answer.status_code == 202, answer.text
    again = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{again['id']}"
    assert (again["speakers"], again["model"], again["priority"]) == (4, "words=9", "low")
    assert again["language"] == "zh-TW"  # as it was asked for, not as it was heard
    assert again["retry_of"] is None
    assert await api.pool.fetchval(
        "SELECT phrases FROM job WHERE retry_of IS NULL ORDER BY id DESC LIMIT 1"
    ) == ["Ana"]
    second = await api.http.post(url)
    assert (second.status_code, second.json()["code"], second.json()["job_id"]) == (
        409,
        "conflict",
        again["id"],
    )
    old = await api.get(f"/v1/sessions/{sent['session']['id']}/transcript?format=txt")
    assert "How are you?" in old.text  # until the new one is there


async def test_another_engine_does_not_inherit_the_model(api: Api) -> None:
    sent = await api.send(model="words=3", language="de")
    await api.succeed(await api.claimed(sent))
    url = f"/v1/sessions/{sent['session']['id']}/jobs"
    refused = await api.http.post(url, json={"engine": "local", "model": "tiny.en"})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        422,
        "unsupported_option",
        "model",
    )
    again = await api.http.post(url, json={"engine": "local", "language": None})
    assert (again.json()["engine"], again.json()["model"], again.json()["language"]) == ("local", None, None)


JSON = {"Content-Type": "application/json"}
BAD: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/v1/sessions?limit=0", {}, 422, "the query parameter `limit`"),
    ("GET", "/v1/sessions?limit=201", {}, 422, "the query parameter `limit`"),
    ("GET", "/v1/sessions?cursor=nonsense", {}, 422, "the query parameter `cursor`"),
    ("GET", "/v1/sessions?status=done", {}, 422, "the query parameter `status.0`"),
    ("GET", "/v1/sessions?created_after=yesterday", {}, 422, "the query parameter `created_after`"),
    ("GET", "/v1/sessions?created_after=2026-01-01T00:00:00", {}, 422, "the query parameter `created_after`"),
    ("GET", "/v1/sessions?q=%00", {}, 422, "the query parameter `q`"),
    ("GET", "/v1/sessions?lang=en", {}, 422, "the query parameter `lang`: there is no such field"),
    ("GET", "/v1/jobs?session_id=1", {}, 422, "the query parameter `session_id`"),
    ("PATCH", "/v1/sessions/{id}", {"json": {"titel": "x"}}, 422, "the body's member `titel`: there is no such field"),
    ("PATCH", "/v1/sessions/{id}", {"json": {"title": " "}}, 422, "the body's member `title`"),
    ("PATCH", "/v1/sessions/{id}", {"json": {"title": 7}}, 422, "the body's member `title`"),
    ("PATCH", "/v1/sessions/{id}", {"json": {"title": None}}, 422, "the body's member `title`"),
    ("PATCH", "/v1/sessions/{id}", {"json": {"metadata": {"a": "\0"}}}, 422, "the body's member `metadata`"),
    ("PATCH", "/v1/sessions/{id}", {"json": []}, 422, "the body"),
    ("PATCH", "/v1/sessions/{id}", {"content": b'{"title": "\\ud800"}', "headers": JSON},
     422, "the body's member `title`"),
    ("PATCH", "/v1/sessions/{id}", {"content": b"{", "headers": JSON}, 422, "the body"),
    ("PATCH", "/v1/sessions/{id}", {"content": b"[" * 60_000, "headers": JSON}, 422, "as JSON"),
    ("PATCH", "/v1/sessions/{id}", {"content": b" " * 70_000, "headers": JSON}, 413, ""),
    ("POST", "/v1/sessions/{id}/jobs", {"json": {"speakers": 0}}, 422, "the body's member `speakers`"),
    ("POST", "/v1/sessions/{id}/jobs", {"json": {"webhook_url": "x"}}, 422, "the body's member `webhook_url`"),
    ("GET", "/v1/sessions/{id}/transcript?format=pages", {}, 422, "must be one of json, txt"),
    ("GET", "/v1/sessions/{id}/transcript?max_lines=0", {}, 422, "the query parameter `max_lines`"),
    ("GET", "/v1/nothing", {}, 404, "GET /v1/nothing is not part of this API"),
    ("GET", "/v1/sessions/", {}, 404, "not part of this API"),
    ("PUT", "/v1/sessions", {}, 405, "PUT /v1/sessions does not exist"),
    ("POST", "/v1/jobs/{id}", {}, 405, "does not exist"),
]  # fmt: skip


async def test_every_refusal_is_a_problem_document_that_names_the_place(api: Api) -> None:
    session = (await api.send())["session"]["id"]
    for method, path, request, status, words in BAD:
        what = f"{method} {path} {str(request)[:80]}"
        answer = await api.http.request(method, path.replace("{id}", session), **request)
        assert answer.status_code == status, f"{what}: {answer.text}"
        problem = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json", what
        assert words in problem["detail"], f"{what}: {problem['detail']}"
        assert problem["status"] == status, what
        assert problem["type"] == f"urn:coaching-transcripts:problem:{problem['code']}", what
        assert problem["request_id"] == answer.headers["X-Request-Id"], what
        assert problem["instance"] == path.partition("?")[0].replace("{id}", session), what
        assert (status == 405) == ("Allow" in answer.headers), what


async def test_a_request_id_of_the_caller_s_is_kept_if_it_is_one(api: Api) -> None:
    assert (await api.get("/healthz", X_Request_Id="abc-1.2_3~4")).headers["X-Request-Id"] == "abc-1.2_3~4"
    for wrong in ("", "a b", "x" * 129, "<script>"):
        given = (await api.get("/healthz", X_Request_Id=wrong)).headers["X-Request-Id"]
        assert given != wrong
        assert len(given) == 32


async def test_a_405_names_every_method_that_there_is(api: Api) -> None:
    answer = await api.http.put("/v1/sessions/42")
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, PATCH"


async def test_a_head_is_a_get_without_its_body(api: Api) -> None:
    sent = await api.send()
    for path in (f"/v1/sessions/{sent['session']['id']}", f"/v1/sessions/{sent['session']['id']}/audio"):
        whole, head = await api.http.get(path), await api.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("Content-Length", "Content-Type", "ETag"):
            assert head.headers[name] == whole.headers[name]
    stream = await api.http.head(f"/v1/jobs/{sent['job']['id']}/events")
    assert (stream.status_code, stream.content) == (200, b"")
    assert (await api.http.head("/v1/jobs/42")).status_code == 404


async def test_nothing_is_kept_longer_than_the_operator_allows(start_api: StartApi) -> None:
    """F37: TRANSCRIPTS_KEEP_DAYS is read; a shorter time is the caller's to choose."""
    async with start_api(TRANSCRIPTS_KEEP_DAYS=30) as api:
        for wanted, days in ((None, 30), ("P7D", 7), ("P90D", 30)):
            fields: dict[str, Any] = {"delete_after": wanted} if wanted else {}
            sent = await api.send(**fields)
            made, ends = (
                datetime.fromisoformat(sent["session"][name]) for name in ("created_at", "delete_after")
            )
            assert abs(ends - made - timedelta(days=days)) < timedelta(minutes=1)
        url = f"/v1/sessions/{sent['session']['id']}"
        for later in (None, "P90D"):
            changed = (await api.http.patch(url, json={"delete_after": later})).json()
            ends = datetime.fromisoformat(changed["delete_after"])
            assert abs(ends - made - timedelta(days=30)) < timedelta(minutes=1)
