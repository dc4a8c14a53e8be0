"""What an operator does all day, in a browser: look, and see it change; pause, cancel, run again, drain."""

import re
import signal
from uuid import UUID

from playwright.async_api import Page, expect

from shared.database import transaction
from shared.errors import EngineError
from shared.jobs.operations import Cost, OperationRepository
from shared.jobs.repository import JobRepository
from shared.lifecycle import Outcome
from shared.records import JobRecord
from tests.console.browser import DESKTOP, PHONE
from tests.console.conftest import BROWSER_TEST, Service, Visit
from tests.fixtures.audio import tone_wav
from tests.fixtures.rows import a_session, an_operation, stored_job

pytestmark = BROWSER_TEST
WAV = tone_wav(0.5)
AWAY = r"Failed to load resource|net::ERR_|htmx:sendError|\[object"
"""What a browser writes while there is no API."""


async def send(service: Service, title: str, script: str = "seconds=600") -> str:
    """A recording whose transcription goes as the script says; returns the job's id."""
    answer = await service.http.post(
        "/v1/sessions", files={"audio": ("call.wav", WAV)}, data={"title": title, "model": script}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job"]["id"])


async def failed_job(service: Service, title: str) -> JobRecord:
    """A job that has failed."""
    jobs = JobRepository(service.pool)
    job = await stored_job(service.pool, session=a_session(title=title))
    claimed = await jobs.claim(job.id, "gone-worker")
    assert claimed is not None
    assert await jobs.fail(claimed.id, claimed.attempt, EngineError())
    return claimed


async def answer_yes(page: Page, name: str) -> None:
    """Say yes to the question that was asked."""
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name=name).click()
    await expect(dialog).to_be_hidden()


async def test_pages_go_on_telling_through_a_restart_of_api_and_worker(
    service: Service, visit: Visit
) -> None:
    """F42: a browser that looks on sees what happened while nobody answered, and need not be reloaded."""
    worker = await service.start_worker("--max-jobs", "1")
    job = await send(service, "Through a restart")
    async with visit() as visitor:
        visitor.expect_complaint(AWAY)
        page = await visitor.open(f"/console/operate/jobs/{job}")
        await expect(page.locator("#job .status").first).to_have_text("Running")
        await page.evaluate("() => { window.sameWindow = true; }")
        await service.api.end(signal.SIGKILL)
        await expect(page.locator("#offline")).to_be_visible()
        await worker.kill()
        await service.api.start()
        await service.http.post(f"/v1/jobs/{job}/cancel")
        await expect(page.locator("#job .status").first).to_have_text("Cancelled")
        await expect(page.locator("#offline")).to_be_hidden()
        next_worker = await service.start_worker("--max-jobs", "1")
        await page.get_by_role("link", name="Workers").click()
        link = page.locator(f"a[href*='%3A{next_worker.process.pid}%3A']")
        row = page.get_by_role("row").filter(has=link)
        await row.get_by_role("button", name="Drain").click()
        await answer_yes(page, "Drain")
        await expect(row).to_contain_text("Stopped")
        assert await next_worker.process.wait() == 0


async def test_a_job_is_cancelled_and_run_again_by_the_keyboard_alone(service: Service, visit: Visit) -> None:
    job = await send(service, "By keyboard")
    async with visit() as visitor:
        page = await visitor.open("/console/operate/jobs?status=queued")
        link = page.get_by_role("link", name="By keyboard")
        await press_until(page, "Tab", f"job-{job}")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/console/operate/jobs/{job}")
        await press_until(page, "Tab", "cancel")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Cancel the job?")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(page.locator("#job .status").first).to_have_text("Queued")
        await page.keyboard.press("Enter")
        await press_until(page, "Tab", "confirm-yes")
        await page.keyboard.press("Enter")
        await expect(page.locator("#job .status").first).to_have_text("Cancelled")
        await press_until(page, "Tab", "retry")
        await page.keyboard.press("Enter")
        await press_until(page, "Tab", "confirm-yes")
        await page.keyboard.press("Enter")
        await page.wait_for_url(lambda url: job not in url)
        await expect(page.get_by_role("link", name=job)).to_be_visible()
        await expect(link).to_be_hidden()
    audited = {row["action"] for row in await service.pool.fetch("SELECT action FROM audit_event")}
    assert {"cancel_job", "retry_job"} <= audited


async def press_until(page: Page, key: str, element_id: str) -> None:
    """Press a key until the focus is there."""
    for _ in range(80):
        if await page.evaluate("() => document.activeElement.id") == element_id:
            return
        await page.keyboard.press(key)
    raise AssertionError(f"the keyboard does not reach #{element_id}")


async def test_the_queue_is_paused_resumed_and_emptied(service: Service, visit: Visit) -> None:
    await send(service, "Waits")
    async with visit() as visitor, visit() as other:
        page, looking_on = await visitor.open("/console/operate/queue"), await other.open("/console/operate")
        await page.get_by_role("button", name="Pause …").click()
        await page.get_by_label("Reason, for those who wonder").fill("a new <model>")
        await page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(page.locator("#queue .banner")).to_contain_text("a new <model>")
        await expect(looking_on.locator("#now .banner").first).to_contain_text("a new <model>")
        await page.get_by_role("button", name="Resume").click()
        await expect(page.get_by_role("button", name="Pause …")).to_be_visible()
        waiting = looking_on.locator("#now .measure").nth(1)
        before = await waiting.inner_text()
        await page.get_by_role("button", name="Empty …").click()
        await send(service, "Comes while it is asked")
        await expect(waiting).not_to_have_text(
            before
        )  # what changes does not take the question's button away
        await answer_yes(page, "Cancel them all")
        await expect(page.locator("#notices")).to_contain_text("jobs were cancelled")
        await expect(page.locator("#queue")).to_contain_text("Nothing waits")


async def test_failed_jobs_are_chosen_and_run_again(service: Service, visit: Visit) -> None:
    first, _second = await failed_job(service, "Failed first"), await failed_job(service, "Failed second")
    async with visit() as visitor:
        page = await visitor.open("/console/operate/jobs?status=failed")
        await page.get_by_label("Choose Failed first").check()
        await send(service, "Comes meanwhile")
        await page.wait_for_timeout(
            400
        )  # a list that changed would have been fetched by now, and have lost it
        await expect(page.get_by_label("Choose Failed first")).to_be_checked()
        await page.get_by_role("button", name="Run the chosen again").click()
        await answer_yes(page, "Run again")
        await expect(page.locator("#notices")).to_contain_text("1 jobs queued again")
        again = await service.pool.fetch("SELECT id FROM job WHERE retry_of = $1", first.id)
        assert len(again) == 1
        await page.get_by_role("button", name="Run all failed again").click()
        await answer_yes(page, "Run again")
        await expect(page.locator("#notices")).to_contain_text("jobs queued again")
    rows = await service.pool.fetch("SELECT id FROM job WHERE status = 'queued'")
    await service.http.post("/v1/ops/jobs/cancel", json={"ids": [str(row["id"]) for row in rows]})


async def test_a_thousand_jobs_are_paged_through_and_filtered(service: Service, visit: Visit) -> None:
    for n in range(1_000):
        await stored_job(service.pool, session=a_session(title=f"Many {n}", tenant_id="crowd"))
    async with visit() as visitor:
        page = await visitor.open("/console/operate/jobs")
        await page.get_by_label("Tenant").fill("crowd")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/operate/jobs?tenant_id=crowd")
        older = page.get_by_role("link", name="Older")
        await expect(older).to_have_attribute("href", re.compile("tenant_id=crowd"))
        await expect(page.locator("#jobs tbody tr")).to_have_count(50)
        first = await page.locator("#jobs tbody th").all_inner_texts()
        await older.click()
        await page.wait_for_url("**tenant_id=crowd&cursor=*")
        await expect(page.locator("#jobs tbody th").first).not_to_have_text(first[0])
        second = await page.locator("#jobs tbody th").all_inner_texts()
        assert (len(first), len(second), set(first) & set(second)) == (50, 50, set())
        await page.go_back()
        await expect(page.locator("#jobs tbody th").first).to_have_text(first[0])
        longest = await visitor.open("/console/operate/jobs?tenant_id=crowd&limit=200")
        await expect(longest.locator("#jobs tbody tr")).to_have_count(200)
    await service.pool.execute("DELETE FROM session WHERE tenant_id = 'crowd'")


async def test_a_job_is_found_by_any_id_of_it(service: Service, visit: Visit) -> None:
    job = await stored_job(service.pool, session=a_session(title="Found"), request_id="req-to-find")
    async with visit() as visitor:
        for text in (str(job.id), str(job.session_id), "req-to-find"):
            page = await visitor.open("/console/operate/jobs")
            await page.get_by_label("Find", exact=True).fill(text)
            await page.keyboard.press("Enter")
            if text != str(job.id):
                await page.wait_for_url(lambda url: "_id=" in url)
                await page.get_by_role("link", name="Found").click()
            await page.wait_for_url(f"**/console/operate/jobs/{job.id}")
        await expect(page.get_by_role("heading", name="Found", level=1)).to_be_visible()
    await service.http.post("/v1/ops/jobs/cancel", json={"ids": [str(job.id)]})


async def test_the_charts_draw_the_past_of_each_span(service: Service, visit: Visit) -> None:
    await failed_job(service, "In the past")
    async with visit() as visitor:
        page = await visitor.open("/console/operate")
        charts = page.locator("#charts")
        for name in ("day", "hour", "week", "month"):
            await page.get_by_role("button", name=re.compile(f"^{name}$", re.IGNORECASE)).click()
            await expect(charts).to_have_attribute("data-drawn", name)
        await expect(page.locator(".chart canvas")).to_have_count(6)
        figure = page.locator("[data-chart=failures] [data-figure]")
        await expect(figure).not_to_have_text(re.compile(r"^0 "))


async def test_a_job_shows_what_its_engine_was_asked_to_do_and_each_attempt(
    service: Service, visit: Visit
) -> None:
    job = await stored_job(service.pool, session=a_session(title="With an operation"))
    claimed = await JobRepository(service.pool).claim(job.id, "worker-one")
    assert claimed is not None
    operation = await an_operation(service.pool, claimed, "projects/p/operations/42")
    async with transaction(service.pool) as connection:
        rows = OperationRepository(service.pool)
        await rows.close(connection, operation, Outcome.FAILED, Cost(2_000, 534, estimated=True))
    assert await JobRepository(service.pool).fail(job.id, claimed.attempt, EngineError())
    async with visit() as visitor:
        page = await visitor.open(f"/console/operate/jobs/{job.id}")
        asked = page.get_by_role("region", name="Operations").get_by_role("row").nth(1)
        for text in ("projects/p/operations/42", "Failed", "2.0 s", "$0.0005", "estimated"):
            await expect(asked).to_contain_text(text)
        attempt = page.get_by_role("region", name="Attempts").get_by_role("row").nth(1)
        for text in ("worker-one", "engine_failed", "$0.0005"):
            await expect(attempt).to_contain_text(text)
        await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await asked.get_by_role("button", name="Copy").click()
        assert await page.evaluate("() => navigator.clipboard.readText()") == "projects/p/operations/42"


PAGES = (
    "",
    "/workers",
    "/queue",
    "/jobs",
    "/jobs?status=failed",
    "/audit",
    "/doctor",
    "/jobs?tenant_id=nobody",
)


async def test_everyone_can_use_every_page_in_light_and_dark_and_on_a_phone(
    service: Service, visit: Visit
) -> None:
    job = (await failed_job(service, "To be looked at")).id
    await send(service, "To be waited for")
    async with visit() as visitor:
        for path in (*PAGES, f"/jobs/{job}"):
            page = await visitor.open(f"/console/operate{path}")
            if not path:
                await expect(page.locator("#charts")).to_have_attribute("data-drawn", "day")
            assert await visitor.violations() == [], path
            await page.emulate_media(color_scheme="dark")
            await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
            assert await visitor.violations() == [], f"{path}, dark, on a phone"
            assert await page.evaluate("() => document.documentElement.scrollWidth") <= PHONE[0], path
            await page.emulate_media(color_scheme="light")
            await page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})


async def test_a_job_that_is_not_there_is_told_in_words(visit: Visit) -> None:
    async with visit() as visitor:
        visitor.expect_complaint("404")
        page = await visitor.open(f"/console/operate/jobs/{UUID(int=7)}")
        await expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
        assert await visitor.violations() == []
