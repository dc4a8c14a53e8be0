"""From nothing to a transcript: the list of sessions, recordings sent in, searched, and what they came to."""

import re
from pathlib import Path
from uuid import UUID

from playwright.async_api import Page, expect

from deploy.local import recordings
from shared.storage.disk import DiskStore
from tests.console.browser import PHONE
from tests.console.conftest import BROWSER_TEST, Service, Visit
from tests.fixtures.audio import silent_wav
from tests.fixtures.talks import store_talk

pytestmark = BROWSER_TEST
_NEWEST = 0xFF00000000007000A000000000000000  # ids in order of time, after all others
_DROPPED = """bytes => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([new Uint8Array(bytes)], "call.wav", {type: "audio/wav"}));
    return dropped;
}"""
RECORDING = Path(recordings.__path__[0]) / "two_speakers.flac"


async def choose(page: Page, *files: str | Path) -> None:
    await page.wait_for_selector("#upload[data-ready]", state="attached")
    await page.locator("#files").set_input_files(list(files))


async def test_the_bundled_recording_goes_from_the_upload_to_the_export(
    visit: Visit, service: Service
) -> None:
    worker = await service.start_worker(
        "--max-jobs", "20"
    )  # what other tests left waiting is in nobody's way
    async with visit() as visitor:
        page = await visitor.open("/console/sessions")
        await page.get_by_role("link", name="Upload recordings").first.click()
        await choose(page, RECORDING)
        await expect(page.locator("#estimate")).to_have_text("Transcribing costs nothing.")
        item = page.locator(".item")
        await item.get_by_label("Title").fill("Two speakers")
        assert await visitor.violations() == []
        await page.get_by_role("button", name="Upload and transcribe").click()
        await item.get_by_role("link", name="Open").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Two speakers")
        await expect(page.locator(".segment")).not_to_have_count(0)
        await page.wait_for_selector("#session[data-ready]")
        drawn = await page.evaluate(
            "id => fetch(`/v1/sessions/${id}/waveform`).then(answer => answer.status)",
            await page.locator("#session").get_attribute("data-id"),
        )
        assert drawn == 200
        await page.locator("#play").click()
        await page.wait_for_function("() => document.getElementById('audio').currentTime > 0.1")
        await page.get_by_role("button", name="Export").click()
        await page.get_by_role("radio", name="txt").check()
        async with page.expect_download() as begun:
            await page.get_by_role("button", name="Download").click()
        assert "word0 word1" in (await (await begun.value).path()).read_text()
    await worker.stop()


async def test_an_upload_pauses_goes_on_and_outlives_the_page(
    visit: Visit, service: Service, tmp_path: Path
) -> None:
    recording = tmp_path / "long.wav"
    recording.write_bytes(silent_wav(400))  # 13 MB
    async with visit() as visitor:
        page = await visitor.open("/console/upload")
        slowly = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_500_000}
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Network.emulateNetworkConditions", slowly)
        await choose(page, recording)
        item = page.locator(".item")
        await page.get_by_role("button", name="Upload and transcribe").click()
        await page.wait_for_function("() => document.querySelector('.item progress').value > 25")
        await item.get_by_role("button", name="Pause").click()
        await expect(item.get_by_role("button", name="Go on")).to_be_visible()
        await devtools.send("Network.emulateNetworkConditions", {**slowly, "uploadThroughput": -1})
        await page.reload()
        await expect(item).to_contain_text("Choose the same file again")
        assert await visitor.violations() == []
        wrong = tmp_path / "other.wav"
        wrong.write_bytes(silent_wav(1))
        async with page.expect_file_chooser() as asked:
            await item.get_by_role("button", name="Choose the file again").click()
        await (await asked.value).set_files(wrong)
        await expect(page.locator("#notices")).to_contain_text("another file")
        async with page.expect_request(lambda request: request.method == "PATCH") as sent:
            await choose(page, recording)
        assert int((await sent.value).headers["upload-offset"]) > 0, "what was there is not sent again"
        await expect(item.get_by_role("link", name="Open")).to_be_visible()
        await page.reload()
        await expect(page.locator(".item")).to_have_count(0)


async def test_what_is_no_recording_is_refused_in_plain_words(
    visit: Visit, service: Service, tmp_path: Path
) -> None:
    letter, recording = tmp_path / "letter.pdf", tmp_path / "call.wav"
    letter.write_bytes(b"%PDF-1.7\n" + b"a letter " * 900)
    recording.write_bytes(silent_wav(0.5))
    async with visit() as visitor:
        visitor.expect_complaint("415")
        page = await visitor.open("/console/sessions")
        await expect(page.locator("#upload")).to_be_hidden()
        await choose(page, letter)
        files = await page.evaluate_handle(_DROPPED, list(recording.read_bytes()))
        await page.locator("h1").dispatch_event("drop", {"dataTransfer": files})
        await expect(page.locator("#upload")).to_be_visible()
        assert await visitor.violations() == []
        await page.get_by_role("button", name="Upload and transcribe").click()
        items = page.locator(".item")
        await expect(items.first).to_contain_text("PDF")
        await expect(items.nth(1).get_by_role("link", name="Open")).to_be_visible()
        await expect(page.locator("#tally")).to_have_text("1 of 2 sent")
        await expect(page.get_by_role("link", name="See the sessions")).to_be_visible()
        await items.first.get_by_role("button", name="Remove").click()
        await expect(items).to_have_count(1)


async def test_a_job_is_stopped_tried_again_and_listed_while_it_goes_on(
    visit: Visit, service: Service
) -> None:
    """No worker runs: it waits, in its place."""
    sent = await service.http.post(
        "/v1/sessions", files={"audio": ("call.wav", silent_wav(1))}, data={"title": "In a time of its own"}
    )
    session = sent.json()["session"]["id"]
    async with visit(locale="zh-TW") as visitor:
        page = await visitor.open(f"/console/sessions/{session}")
        await expect(page.locator(".progress-of .status")).to_have_text("等待中")
        assert await visitor.violations() == []
        await page.get_by_role("button", name="停止").click()
        await expect(page.locator(".banner")).to_contain_text("已取消")
        assert await visitor.violations() == []
        await page.get_by_role("button", name="再試一次").click()
        await expect(page.locator(".progress-of .status")).to_have_text("等待中")
        await page.goto(f"{service.api.url}/console/sessions?q=of+its+own&status=queued")
        row = page.locator("table.sessions tbody tr").first
        await expect(row.locator(".status")).to_have_text("等待中")
        job = (await service.http.get(f"/v1/sessions/{session}")).json()["job_id"]
        await service.http.post(f"/v1/jobs/{job}/cancel")
        await expect(row.locator(".status")).to_have_text("已取消")
        await expect(page.locator("#follow")).to_have_count(0)


async def test_a_thousand_sessions_are_found_and_paged_through(visit: Visit, service: Service) -> None:
    await a_thousand(service)
    async with visit() as visitor:
        page = await visitor.open("/console/sessions?q=Many")
        rows = page.locator("table.sessions tbody tr")
        await expect(rows).to_have_count(50)
        await expect(rows.first).to_contain_text("Many 999")
        await page.get_by_role("link", name="Older").click()
        await expect(rows.first).to_contain_text("Many 949")
        await page.get_by_role("link", name="Newest").click()
        await page.get_by_label("Title").fill("many 77")
        await page.get_by_label("Status").select_option("succeeded")
        await page.get_by_role("button", name="Find").click()
        await expect(rows).to_have_count(11)
        await page.wait_for_url(re.compile(r"q=many\+77&status=succeeded"))
        assert await visitor.violations() == []


async def a_thousand(service: Service) -> None:
    await service.pool.executemany(
        "INSERT INTO session (id, title, status, audio_key, duration_ms) VALUES ($1, $2, 'succeeded', '', $3)",
        [(UUID(int=_NEWEST + n), f"Many {n}", n * 1_000) for n in range(1_000)],
    )


async def test_a_search_leads_to_the_moment(visit: Visit, service: Service) -> None:
    session: UUID = await store_talk(
        service.pool, DiskStore(service.folder / "objects"), minutes=5, title="To be searched", seed=7
    )
    async with visit() as visitor:
        page = await visitor.open(f"/console/search?session_id={session}")
        await page.get_by_label("Words").fill("goodbye")
        await page.keyboard.press("Enter")
        hit = page.locator(".hit").last
        await expect(hit.locator("mark").first).to_have_text("goodbye", ignore_case=True)
        assert await visitor.violations() == []
        await hit.get_by_role("link").click()
        found = page.locator(".segment.found")
        await expect(found).to_be_in_viewport()
        await expect(found).to_contain_text(re.compile("goodbye", re.IGNORECASE))


async def test_everyone_can_use_the_other_pages_light_and_dark_on_a_phone_too(
    visit: Visit, service: Service
) -> None:
    for options in ({}, {"size": PHONE, "dark": True, "locale": "zh-TW"}):
        async with visit(**options) as visitor:
            for path in ("sessions", "upload", "usage", "search?q=offer"):
                page = await visitor.open(f"/console/{path}")
                assert await visitor.violations() == [], (options, path)
                width = await page.evaluate("() => document.documentElement.scrollWidth")
                assert width <= (page.viewport_size or {"width": 0})["width"], path
