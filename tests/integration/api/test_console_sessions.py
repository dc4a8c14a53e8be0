"""The coach's pages: what they show of sessions, transcripts, searches and money, and who may see it."""

import re
from uuid import UUID, uuid4

import pytest

from shared.database import transaction
from shared.errors import NoAudioError
from shared.storage.disk import DiskStore
from shared.transcripts.repository import TranscriptRepository
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.fixtures.talks import store_talk
from tests.integration.api.conftest import Api, StartApi
from tests.integration.api.test_console import BROWSER, signed_in

HTMX = {**BROWSER, "HX-Request": "true"}


def store(api: Api) -> DiskStore:
    return DiskStore(api.folder / "objects")


async def page(api: Api, path: str, **headers: str) -> str:
    answer = await api.http.get(path, headers={**BROWSER, **headers})
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_who_has_nothing_yet_is_led_to_a_first_transcript(api: Api) -> None:
    text = await page(api, "/console/sessions")
    assert "Your first transcript" in text
    assert 'href="/console/upload"' in text
    assert "<table" not in text


async def test_the_list_asks_once_for_all_that_go_on(api: Api) -> None:
    first, second = await api.send(title="One"), await api.send(title="Two <b>")
    await api.succeed(await api.claimed(await api.send(title="Done")))
    text = await page(api, "/console/sessions")
    assert "Two &lt;b&gt;" in text
    [address] = re.findall(r'hx-get="(/console/progress[^"]*)"', text)
    address = address.replace("&amp;", "&")
    assert address.count("job=") == 2
    fragment = (await api.http.get(address, headers=HTMX)).text
    for sent in (first, second):
        assert f'id="job-{sent["job"]["id"]}" hx-swap-oob="true"' in fragment
    assert 'hx-trigger="every 2s"' in fragment, "it asks again"
    for sent in (first, second):
        await api.http.post(f"/v1/jobs/{sent['job']['id']}/cancel")
    fragment = (await api.http.get(address, headers=HTMX)).text
    assert "hx-trigger" not in fragment, "nothing goes on any more"
    assert fragment.count("Cancelled") == 2


async def test_filters_are_in_the_address_and_pages_follow_one_another(api: Api) -> None:
    for n in range(3):
        await api.send(title=f"Session {n}")
    text = await page(api, "/console/sessions?q=session&status=queued&limit=2&language=")
    assert ("Session 2" in text, "Session 1" in text, "Session 0" in text) == (True, True, False)
    [older] = re.findall(r'rel="next" href="([^"]*)"', text)
    assert "q=session" in older
    text = await page(api, older.replace("&amp;", "&"))
    assert "Session 0" in text
    assert "Session 1" not in text
    assert "Nothing found" in await page(api, "/console/sessions?last=2020-01-01")
    assert "Session 0" in await page(api, "/console/sessions?first=2020-01-01&last=9999-12-31")
    wrong = await api.http.get("/console/sessions?first=yesterday", headers=BROWSER)
    assert wrong.status_code == 422


async def test_a_transcript_is_there_to_read_before_any_script_runs(api: Api) -> None:
    sent = await api.send(title="會談")
    await api.succeed(await api.claimed(sent))
    path = f"/console/sessions/{sent['session']['id']}"
    answer = await api.http.get(path, headers=BROWSER)
    text = answer.text
    assert "media-src 'self' blob:" in answer.headers["Content-Security-Policy"]
    assert '<p class="said">Well. &lt;b&gt;</p>' in text
    assert 'data-start="900" data-end="2000" data-speaker="2"' in text
    assert "The client is hard to hear." in text, "warnings are told"
    assert 'data-revision="1"' in text
    assert "說話者" in await page(api, path, **{"Accept-Language": "zh-TW"})
    words = await api.http.get(f"{path}/words", headers=BROWSER)
    assert words.json() == {
        "revision": 1,
        "segments": [["How", 0, 200, "are", 300, 500, "you?", 700, 900], []],
    }
    assert (await api.get(f"{path}/words", If_None_Match=words.headers["ETag"])).status_code == 304


async def test_what_is_not_ready_shows_how_far_it_is_and_then_reloads(api: Api) -> None:
    sent = await api.send()
    job = await api.claimed(sent)
    text = await page(api, f"/console/sessions/{job.session_id}")
    assert f'hx-get="/console/progress/{job.id}"' in text
    going = await api.http.get(f"/console/progress/{job.id}", headers=HTMX)
    assert "HX-Refresh" not in going.headers
    await api.succeed(job)
    ended = await api.http.get(f"/console/progress/{job.id}", headers=HTMX)
    assert ended.headers["HX-Refresh"] == "true"
    beside = await api.http.get(f"/console/progress/{job.id}?beside=true", headers=HTMX)
    assert "HX-Refresh" not in beside.headers, "who edits an older transcript is not torn away"
    assert "The new transcription" in beside.text


async def test_where_nobody_spoke_the_page_says_so_and_still_plays(api: Api) -> None:
    job = await api.claimed(await api.send())
    async with transaction(api.pool) as connection:
        assert await api.jobs.succeed(connection, job, warnings=[], model="m1", language="en")
        await TranscriptRepository(api.pool).replace(connection, job.session_id, [], [])
    text = await page(api, f"/console/sessions/{job.session_id}")
    assert "Nobody speaks" in text
    assert '<ol class="part" start="1"></ol>' in text, "an undone edit has somewhere to go"
    assert 'id="player"' in text


async def test_a_failure_says_why_and_offers_to_try_again(api: Api) -> None:
    job = await api.claimed(await api.send())
    assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
    text = await page(api, f"/console/sessions/{job.session_id}")
    assert NoAudioError().detail in text
    assert f'data-retry-job="{job.id}"' in text


async def test_edits_are_told_with_what_they_replaced(api: Api) -> None:
    sent = await api.send()
    await api.succeed(await api.claimed(sent))
    session = sent["session"]["id"]
    url = f"/v1/sessions/{session}/segments/0"
    assert (
        await api.http.patch(url, json={"text": "And now?"}, headers={"If-Match": "*"})
    ).status_code == 200
    history = await page(api, f"/console/sessions/{session}/history", **HTMX)
    [detail] = re.findall(r'hx-get="([^"]*/history/\d+)"', history)
    told = await page(api, detail, **HTMX)
    assert "<del>How are you?</del>" in told
    assert "<ins>And now?</ins>" in told
    assert "And now?" in await page(api, f"/console/sessions/{session}/segments", **HTMX)
    assert "Who spoke how long" in await page(api, f"/console/sessions/{session}/talk", **HTMX)


async def test_a_hit_leads_to_the_moment(api: Api) -> None:
    sent = await api.send(title="First")
    await api.succeed(await api.claimed(sent))
    text = await page(api, "/console/search?q=are+you&role=&sort=relevance")
    assert f"/console/sessions/{sent['session']['id']}?at=300" in text
    assert "How <mark>are</mark> <mark>you</mark>?" in text
    assert "Nobody said that" in await page(api, "/console/search?q=unheard")
    assert "<mark>" not in await page(api, "/console/search")


async def test_usage_has_every_day_and_what_it_came_to(api: Api) -> None:
    text = await page(api, "/console/usage?first=2026-01-01&last=2026-01-03")
    assert 'id="plot"' not in text, "nothing was paid: there is nothing to draw"
    sent = await api.send()
    await api.pool.execute(
        "INSERT INTO usage (job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms, micro_dollars,"
        " created_at) VALUES ($1, 1, $2, 'default', 'google', 'chirp_3', 60000, 60000, 16000, '2026-01-02T12:00Z')",
        sent["job"]["id"], sent["session"]["id"],
    )  # fmt: skip
    text = await page(api, "/console/usage?first=2026-01-01&last=2026-01-03")
    assert '"micro_dollars": [0, 16000, 0]' in text
    assert '"at": [1767225600, 1767312000, 1767398400]' in text
    assert "No limit" in text
    assert (
        await api.http.get("/console/usage?first=2026-01-03&last=2026-01-01", headers=BROWSER)
    ).status_code == 422


async def test_three_hours_are_one_page_with_few_elements_a_segment(api: Api) -> None:
    session = await store_talk(api.pool, store(api), minutes=180)
    text = await page(api, f"/console/sessions/{session}")
    segments = text.count('class="segment"') - 1  # the blank one
    assert segments > 2_000
    inside = text.partition('id="transcript"')[2].partition("</div>")[0]
    elements = len(re.findall(r"<[a-z]", inside))
    assert elements <= 5.1 * segments, "no element a word"
    assert len(text) < 1_500_000


async def test_a_page_shows_nobody_else_s_sessions(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        await signed_in(api, token)
        session = await store_talk(api.pool, store(api), minutes=0.2, title="Not yours")
        await api.pool.execute("UPDATE session SET tenant_id = 'other' WHERE id = $1", session)
        await api.pool.execute("UPDATE job SET tenant_id = 'other' WHERE session_id = $1", session)
        job = await api.pool.fetchval("SELECT id FROM job WHERE session_id = $1", session)
        assert "Not yours" not in await page(api, "/console/sessions")
        for path in ("", "/segments", "/words", "/talk", "/history", "/history/1"):
            answer = await api.http.get(f"/console/sessions/{session}{path}", headers=BROWSER)
            assert answer.status_code == 404, path
        assert (await api.http.get(f"/console/progress/{job}", headers=BROWSER)).status_code == 404
        many = await api.http.get(f"/console/progress?job={job}", headers=BROWSER)
        assert str(job) not in many.text


@pytest.mark.parametrize("path", ["sessions/{}", "progress/{}"])
async def test_an_id_that_is_none_is_a_page_that_says_so(api: Api, path: str) -> None:
    for each in (uuid4(), "nonsense"):
        answer = await api.http.get(f"/console/{path.format(each)}", headers=BROWSER)
        assert answer.status_code in {404, 422}
        assert answer.headers["Content-Type"].startswith("text/html")


async def test_reading_a_transcript_is_noted_and_looking_how_far_a_job_is_is_not(api: Api) -> None:
    sent = await api.send()
    await api.succeed(await api.claimed(sent))
    session = sent["session"]["id"]
    await page(api, f"/console/sessions/{session}")
    await page(api, f"/console/progress/{sent['job']['id']}")
    rows = await api.pool.fetch("SELECT action FROM audit_event WHERE session_id = $1", UUID(session))
    assert "show_session" in {row["action"] for row in rows}
    progress = await api.pool.fetchval(
        "SELECT count(*) FROM audit_event WHERE path LIKE '/console/progress%'"
    )
    assert progress == 0


async def test_where_a_bucket_takes_an_upload_is_opened_for_its_owner_alone(start_api: StartApi) -> None:
    secret = "https://storage.example/recordings/whole?upload_id=s3cr3t"
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        (_, coach), (_, other) = [await made_key(api.pool, tenant=tenant) for tenant in ("one", "two")]
        headers = {**bearer(coach), "Tus-Resumable": "1.0.0", "Upload-Length": "100"}
        uploads = [(await api.http.post("/v1/uploads", headers=headers)).json()["id"] for _ in range(2)]
        path = f"/console/upload/{uploads[0]}"
        answer = await api.http.post(f"{path}/seal", json={"address": secret}, headers=bearer(coach))
        sealed = answer.json()["sealed"]
        assert "s3cr3t" not in sealed
        opened = await api.http.post(f"{path}/open", json={"sealed": sealed}, headers=bearer(coach))
        assert opened.json() == {"address": secret}
        for upload, token, kept in (
            (uploads[0], other, sealed), (uploads[1], coach, sealed), (uploads[0], coach, sealed[:-4]),
        ):  # fmt: skip
            refused = await api.http.post(
                f"/console/upload/{upload}/open", json={"sealed": kept}, headers=bearer(token)
            )
            assert refused.status_code == 404
            assert "s3cr3t" not in refused.text
        api.http.cookies.set("console_key", sealed)
        page = await api.http.get("/console/sessions", headers=BROWSER)
        assert page.headers["Location"].startswith("/console/sign-in"), "it is no cookie of a key"
