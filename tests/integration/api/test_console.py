"""The console's frame: who gets in, by what; what a browser is told that does not; files, languages, policy."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from api_service.console import visits
from api_service.console.languages import language
from shared.database import transaction
from shared.errors import EngineError, MediaError, SetupError
from shared.scopes import Scope
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.fixtures.rows import a_session, stored_job
from tests.integration.api.conftest import Api, StartApi

BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "same-origin"}


def token_in(page: httpx.Response) -> str:
    """The token that the page sends with every change."""
    found = re.search(r'"X-Console-Token": "([0-9a-f]+)"', page.text)
    assert found, page.text
    return found[1]


async def signed_in(api: Api, token: str) -> httpx.Response:
    """The first page after signing in with a key."""
    page = await api.http.post(
        "/console/sign-in", data={"key": token, "next": "/console/operate/workers"}, headers=BROWSER
    )
    assert page.status_code == 303, page.text
    return await api.http.get(page.headers["Location"], headers=BROWSER)


async def test_a_browser_at_the_bare_address_comes_to_the_console(api: Api) -> None:
    answer = await api.http.get("/", headers=BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (307, "/console")
    assert (await api.http.get("/")).status_code == 404, "a program is told that there is no such resource"
    first = await api.http.get("/console", headers=BROWSER)
    assert (first.status_code, first.headers["Location"]) == (303, "/console/sessions")


async def test_where_nobody_needs_a_key_nobody_is_asked_for_one(api: Api) -> None:
    page = await api.http.get("/console/operate/workers", headers=BROWSER)
    assert page.status_code == 200
    assert "Sign out" not in page.text
    asked = await api.http.get("/console/sign-in", headers=BROWSER)
    assert (asked.status_code, asked.headers["Location"]) == (303, "/console")


async def test_a_key_is_exchanged_for_a_cookie_that_no_script_reads(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        refused = await api.http.get("/console/operate/workers?x=1", headers=BROWSER)
        assert refused.status_code == 303
        assert refused.headers["Location"] == "/console/sign-in?next=%2Fconsole%2Foperate%2Fworkers%3Fx%3D1"
        form = await api.http.get(refused.headers["Location"], headers=BROWSER)
        assert "/console/operate/workers?x=1" in form.text
        page = await signed_in(api, token)
        assert page.status_code == 200
        assert "Sign out" in page.text
        sealed = api.http.cookies["console_key"]
        assert token not in sealed
        answer = await api.http.post("/console/sign-in", data={"key": token}, headers=BROWSER)
        [cookie] = [c for c in answer.headers.get_list("set-cookie") if c.startswith("console_key")]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        tls = {**BROWSER, "X-Forwarded-Proto": "https"}
        answer = await api.http.post("/console/sign-in", data={"key": token}, headers=tls)
        assert all("; Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))


async def test_the_cookie_opens_the_json_routes_too(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        page = await signed_in(api, token)
        assert (await api.http.get("/v1/sessions")).status_code == 200
        bare = await api.http.post("/v1/ops/queue/resume", headers=BROWSER)
        assert bare.status_code == 403, "a change needs the page's token besides"
        known = {"Sec-Fetch-Site": "same-origin", visits.HEADER: token_in(page)}
        assert (await api.http.post("/v1/ops/queue/resume", headers=known)).status_code == 204
        wrong = {**bearer("ctk_nothing"), **known}
        assert (await api.http.get("/v1/sessions", headers=wrong)).status_code == 401, "a key goes first"


async def test_a_revoked_key_ends_the_sign_in_at_once(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        key, token = await made_key(api.pool)
        _, other = await made_key(api.pool)
        await signed_in(api, token)
        gone = await api.http.delete(f"/v1/keys/{key.id}", headers=bearer(other))
        assert gone.status_code == 204
        after = await api.http.get("/console/operate/workers", headers=BROWSER)
        assert (after.status_code, after.headers["Location"].partition("?")[0]) == (303, "/console/sign-in")
        fragment = await api.http.get(
            "/console/operate/workers/list",
            headers={**BROWSER, "HX-Request": "true", "HX-Current-URL": "http://a/console/operate/workers"},
        )
        assert fragment.status_code == 401
        assert fragment.headers["HX-Redirect"] == "/console/sign-in?next=%2Fconsole%2Foperate%2Fworkers"


async def test_a_wrong_key_is_told_so_and_lets_nobody_in(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        page = await api.http.post("/console/sign-in", data={"key": "<b>ctk_no"}, headers=BROWSER)
        assert page.status_code == 401
        assert "This is no key of this service" in page.text
        assert "<b>ctk_no" not in page.text
        assert "console_key" not in api.http.cookies
        forged = {**BROWSER, "Cookie": "console_key=gAAAAAinvented"}
        assert (await api.http.get("/console/operate/workers", headers=forged)).status_code == 303


async def test_signing_in_leads_nowhere_else(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        for address in ("https://evil.example", "//evil.example/console", "/\\evil", "/v1/keys", ""):
            answer = await api.http.post(
                "/console/sign-in", data={"key": token, "next": address}, headers=BROWSER
            )
            assert answer.headers["Location"] == "/console", address


async def test_a_key_without_the_scope_sees_why(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool, scopes=(Scope.SESSIONS_READ,))
        page = await signed_in(api, token)
        assert page.status_code == 403
        assert "No permission" in page.text
        assert "scope ops" in page.text
        assert "/console/operate" not in page.text, "what one may not see is not in the navigation"
        upload = await api.http.get("/console/upload", headers=BROWSER)
        assert (upload.status_code, "scope sessions:write" in upload.text) == (403, True)
        sessions = await api.http.get("/console/sessions", headers=BROWSER)
        assert 'id="upload"' not in sessions.text


FORGED = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {},
]


@pytest.mark.parametrize("keys", [True, False])
async def test_what_another_site_sends_changes_nothing(start_api: StartApi, *, keys: bool) -> None:
    settings = {"TRANSCRIPTS_PEPPER": PEPPER} if keys else {}
    async with start_api(**settings) as api:
        if keys:
            _, key = await made_key(api.pool)
            page = await signed_in(api, key)
        else:
            page = await api.http.get("/console/operate/workers", headers=BROWSER)
        for headers in FORGED:
            sent = {"Accept": "text/html", visits.HEADER: token_in(page), **headers}
            answer = await api.http.post("/console/operate/workers/w1/drain", headers=sent)
            assert answer.status_code == 403, headers
        ours = {
            "Accept": "text/html",
            visits.HEADER: token_in(page),
            "Origin": str(api.http.base_url).rstrip("/"),
        }
        assert (await api.http.post("/console/operate/workers/w1/drain", headers=ours)).status_code == 404


async def test_a_link_of_another_site_is_followed_by_a_page_of_ours(api: Api) -> None:
    link = {**BROWSER, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    page = await api.http.get("/console/operate/jobs?status=failed&tenant_id=%22%3E", headers=link)
    assert page.status_code == 200
    assert 'content="0;url=/console/operate/jobs?status=failed&amp;tenant_id=%22%3E"' in page.text
    framed = {**link, "Sec-Fetch-Mode": "cors"}
    assert (await api.http.get("/console/operate/jobs", headers=framed)).status_code == 403
    rebound = {**BROWSER, "Host": "evil.example"}
    assert (await api.http.get("/console/operate/jobs", headers=rebound)).status_code == 403


async def test_a_token_of_another_visit_changes_nothing(api: Api) -> None:
    page = await api.http.get("/console/operate/workers", headers=BROWSER)
    again = await api.http.get("/console/operate/workers", headers=BROWSER)
    assert token_in(page) != token_in(again), "another mask each time, so that compression tells nothing"
    api.http.cookies.clear()
    sent = {**BROWSER, visits.HEADER: token_in(page)}
    assert (await api.http.post("/console/operate/workers/w1/drain", headers=sent)).status_code == 403
    await api.http.get("/console/operate/workers", headers=BROWSER)
    assert (await api.http.post("/console/operate/workers/w1/drain", headers=sent)).status_code == 403


async def test_this_machine_is_signed_in_by_itself_where_the_stack_has_a_key_for_it(
    start_api: StartApi,
) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as first:
        key, token = await made_key(first.pool)
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER, TRANSCRIPTS_CONSOLE_KEY=token) as api:
        page = await api.http.get("/console/sign-in?next=/console/operate/workers", headers=BROWSER)
        assert page.status_code == 200
        assert 'content="0;url=/console/operate/workers"' in page.text
        assert (await api.http.get("/console/operate/workers", headers=BROWSER)).status_code == 200
        api.http.cookies.clear()
        assert (await api.http.get("/v1/sessions")).status_code == 401, "programs still need the key"
        for stranger in ({"X-Forwarded-For": "203.0.113.9"}, {"Host": "transcripts.example"}):
            form = await api.http.get("/console/sign-in", headers={**BROWSER, **stranger})
            assert 'name="key"' in form.text
        async with transaction(api.pool) as connection:
            await connection.execute("UPDATE api_key SET revoked_at = now() WHERE id = $1", key.id)
        api.server.services.authenticator.forget_all()  # type: ignore[union-attr]
        assert 'name="key"' in (await api.http.get("/console/sign-in", headers=BROWSER)).text


async def test_a_key_for_this_machine_is_refused_where_others_reach_it(start_api: StartApi) -> None:
    with pytest.raises(SetupError, match="TRANSCRIPTS_CONSOLE_KEY"):
        async with start_api(
            TRANSCRIPTS_PEPPER=PEPPER, TRANSCRIPTS_CONSOLE_KEY="ctk_x", TRANSCRIPTS_HOST="192.0.2.1"
        ):
            pass


async def test_pages_let_nothing_foreign_run_and_are_not_kept(api: Api) -> None:
    page = await api.http.get("/console/operate/workers", headers=BROWSER)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<style|style=|<script(?![^>]* src=)|\son\w+=|javascript:", page.text)


async def test_files_are_kept_for_ever_and_sent_compressed(api: Api) -> None:
    page = await api.http.get("/console/operate/workers", headers=BROWSER)
    addresses = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', page.text)
    assert len(addresses) >= 5
    total = len(gzip.compress(page.content))
    for address in set(addresses):
        file = await api.http.get(address)
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert file.headers["Content-Encoding"] == "gzip"
        total += int(file.headers["Content-Length"])
    assert total < 100_000, "the first page and all that it loads"
    plain = await api.http.get(addresses[0], headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    other = re.sub(r"static/[0-9a-f]+/", "static/000000000000/", addresses[0])
    assert (await api.http.get(other)).headers["Cache-Control"] == "no-cache"
    assert (await api.http.get("/console/static/x/../../pages.py")).status_code == 404


async def test_what_the_api_says_is_told_in_the_reader_s_language(api: Api) -> None:
    taiwan = {**BROWSER, "Accept-Language": "zh-TW"}
    words = language("zh-TW").texts
    missing = await api.http.get(f"/console/operate/jobs/{UUID(int=7)}", headers=taiwan)
    assert words["error.not_found"] in missing.text
    assert "There is nothing under this id" not in missing.text
    wrong = await api.http.get("/console/operate/jobs?limit=many", headers=taiwan)
    assert words["error.invalid_request"] in wrong.text
    assert '<span class="original" lang="en">In the query parameter `limit`' in wrong.text
    job = await api.claimed(await api.send())
    assert await api.jobs.fail(job.id, job.attempt, EngineError())
    failed = await api.http.get(f"/console/operate/jobs/{job.id}", headers=taiwan)
    assert words["error.engine_failed"] in failed.text
    assert EngineError().detail not in failed.text
    doctor = await api.http.get("/console/operate/doctor", headers=taiwan)
    assert words["finding.workers_none"] in doctor.text
    assert words["finding_fix.workers_none"] in doctor.text
    told = await api.http.get(f"/v1/jobs/{UUID(int=7)}", headers={"Accept-Language": "zh-TW"})
    assert told.json()["detail"].startswith("There is nothing under this id"), "the contract is English"


async def test_the_language_is_the_browser_s_or_the_one_that_was_chosen(api: Api) -> None:
    taiwan = {**BROWSER, "Accept-Language": "fr;q=0.9, zh-Hant-TW;q=0.8, en;q=0.1"}
    page = await api.http.get("/console/operate/workers", headers=taiwan)
    assert '<html lang="zh-TW"' in page.text
    assert "沒有工作者" in page.text
    chosen = await api.http.post(
        "/console/language", data={"language": "en"}, headers={**BROWSER, visits.HEADER: token_in(page)}
    )
    assert (chosen.status_code, chosen.headers["HX-Refresh"]) == (204, "true")
    assert '<html lang="en"' in (await api.http.get("/console/operate/workers", headers=taiwan)).text
    known = {**BROWSER, visits.HEADER: token_in(page)}
    await api.http.post("/console/theme", data={"theme": "dark"}, headers=known)
    assert 'data-theme="dark"' in (await api.http.get("/console/operate/workers", headers=BROWSER)).text


async def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(api: Api) -> None:
    page = await api.http.get("/console/nowhere", headers=BROWSER)
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "Nothing here" in page.text
    program = await api.http.get("/console/nowhere")
    assert program.headers["Content-Type"] == "application/problem+json"
    fragment = await api.http.get("/console/nowhere", headers={**BROWSER, "HX-Request": "true"})
    assert fragment.text.startswith('<div class="notice wrong"')


async def test_changes_stand_in_the_audit_trail(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        key, token = await made_key(api.pool)
        await signed_in(api, token)
        events = (await api.http.get("/v1/ops/audit", headers=bearer(token))).json()["items"]
        assert [(event["action"], event["actor"]) for event in events] == [("console_sign_in", str(key.id))]


def test_no_page_names_a_file_that_is_not_there() -> None:
    folder = Path(__file__).parents[3] / "api_service" / "console"
    for template in (folder / "templates").rglob("*.html"):
        for name in re.findall(r"static\('([^']+)'\)", template.read_text()):
            assert (folder / "static" / name).is_file(), (template.name, name)


async def test_the_sample_recording_is_a_session_like_any(start_api: StartApi) -> None:
    recording = Path(__file__).parents[3] / "deploy" / "local" / "recordings" / "two_speakers.flac"
    async with start_api(TRANSCRIPTS_SAMPLE=str(recording)) as api:
        page = await api.http.get("/console/sessions", headers=BROWSER)
        assert "/console/sample" in page.text
        sent = {**BROWSER, visits.HEADER: token_in(page), "HX-Request": "true"}
        answer = await api.http.post("/console/sample", headers=sent)
        [session] = (await api.http.get("/v1/sessions")).json()["items"]
        assert answer.headers["HX-Redirect"] == f"/console/sessions/{session['id']}"
        assert (session["title"], session["language"]) == ("Two people on the telephone", "en")
        [stored] = [path for path in api.stored() if path.name == "source"]
        assert stored.read_bytes() == recording.read_bytes()
    async with start_api() as api:
        page = await api.http.get("/console/sessions?q=nothing", headers=BROWSER)
        sent = {**BROWSER, visits.HEADER: token_in(page)}
        assert "/console/sample" not in page.text
        assert (await api.http.post("/console/sample", headers=sent)).status_code == 404


async def test_what_nobody_foresaw_is_told_without_a_template(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise RuntimeError("<secret>")

    monkeypatch.setattr(api.server.services.examination, "look", broken)
    page = await api.http.get("/console/operate/doctor", headers=BROWSER)
    assert (page.status_code, page.headers["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert "<h1>Something went wrong</h1>" in page.text
    assert "secret" not in page.text
    fragment = await api.http.get("/console/operate/doctor", headers={**BROWSER, "HX-Request": "true"})
    assert fragment.text.startswith('<div class="notice wrong">')


async def test_the_stream_tells_what_changes_and_what_was_missed(api: Api) -> None:
    async def next_events(lines: AsyncIterator[str], wanted: set[str]) -> str:
        told: set[str] = set()
        last = ""
        async for line in lines:
            name, _, value = line.partition(": ")
            told |= {value} if name == "event" else set()
            last = value if name == "id" else last
            if wanted <= told and not line:
                return last
        raise AssertionError(told)

    async with api.http.stream("GET", "/console/operate/events") as answer:
        lines = answer.aiter_lines()
        seen = await next_events(lines, {"workers", "queue", "jobs"})
        await api.send()
        await next_events(lines, {"jobs", "queue"})
    async with api.http.stream("GET", "/console/operate/events", headers={"Last-Event-ID": seen}) as answer:
        assert await next_events(answer.aiter_lines(), {"jobs", "queue"}) != seen


async def test_a_stream_ends_at_once_when_the_service_stops(api: Api) -> None:
    async with api.http.stream("GET", "/console/operate/events") as answer:
        lines = answer.aiter_lines()
        async for line in lines:
            if line.startswith("event"):
                break
        api.server.services.pulse.stop()
        async with asyncio.timeout(300):
            assert not [line async for line in lines if line.startswith(": still here")]


async def test_failed_jobs_are_counted_by_their_error_code(api: Api) -> None:
    for error in (EngineError(), EngineError(), MediaError()):
        job = await api.claimed(await api.send())
        assert await api.jobs.fail(job.id, job.attempt, error)
    page = await api.http.get(
        "/console/operate/jobs?status=failed&error_code=media_unreadable", headers=BROWSER
    )
    counted = re.findall(r"<code>(\w+)</code> <b>(\d+)</b>", page.text)
    assert counted == [("engine_failed", "2"), ("media_unreadable", "1")], "all codes, whichever is chosen"
    [other] = re.findall(r'id="code-engine_failed" href="([^"]+)"', page.text)
    assert other == "/console/operate/jobs?status=failed&amp;error_code=engine_failed"
    everyone = await api.http.get("/console/operate/jobs", headers=BROWSER)
    assert 'class="codes"' not in everyone.text


async def test_jobs_are_put_in_order_and_found_by_a_part_of_their_title(api: Api) -> None:
    early, late = [
        await stored_job(api.pool, session=a_session(title=f"100% of {n}")) for n in ("Anna", "Ben")
    ]
    await api.pool.execute("UPDATE job SET created_at = now() - interval '1 hour' WHERE id = $1", early.id)
    await api.pool.execute("UPDATE job SET attempt = 3 WHERE id = $1", late.id)

    async def listed(query: str) -> list[str]:
        page = await api.http.get(f"/console/operate/jobs?{query}", headers=BROWSER)
        assert page.status_code == 200, page.text
        return re.findall(r'id="job-[0-9a-f-]+" href="[^"]+">([^<]+)<', page.text)

    assert await listed("") == ["100% of Ben", "100% of Anna"]
    assert await listed("sort=waited") == ["100% of Anna", "100% of Ben"]
    assert (await listed("sort=attempts"))[0] == "100% of Ben"
    for order in ("ran", "cost"):
        assert len(await listed(f"sort={order}")) == 2
    assert await listed("title=anna") == ["100% of Anna"]
    assert await listed("title=%25") == ["100% of Ben", "100% of Anna"], "no wildcard"
    assert await listed("title=_") == []
    found = await api.http.get("/console/operate/jobs?find=of+anna&engine=scripted&cursor=x", headers=BROWSER)
    assert found.headers["Location"] == "/console/operate/jobs?engine=scripted&title=of+anna"
    assert (await api.http.get("/console/operate/jobs?sort=best", headers=BROWSER)).status_code == 422


async def test_the_doctor_names_what_is_wrong(api: Api) -> None:
    page = await api.http.get("/console/operate/doctor", headers=BROWSER)
    assert "No worker was seen in the last 15 s" in page.text
    assert "make run-worker" in page.text
    assert "Something is broken, or loses work." in page.text
    assert "noeviction" in page.text
