"""Who comes for the first time, with nothing in the service but the recording that comes with it."""

import secrets
import signal
from pathlib import Path

import asyncpg
from playwright.async_api import Browser, expect

from deploy.local import recordings
from deploy.local.postgres import Postgres
from deploy.local.redis import Redis
from tests.conftest import TEMPLATE
from tests.console.browser import visiting
from tests.console.conftest import BROWSER_TEST
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.worker_process import WorkerProcess, start_worker

pytestmark = BROWSER_TEST
_LOADED = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .map((each) => [new URL(each.name).pathname, each.encodedBodySize])"""


async def test_a_newcomer_has_a_transcript_after_one_click_and_a_restart_in_between(
    chromium: Browser, postgres_server: Postgres, redis_server: Redis, tmp_path: Path
) -> None:
    name = f"newcomer_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_server.url("postgres"))
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    await admin.close()
    stores = postgres_server.url(name), redis_server.url()
    sample = str(Path(recordings.__path__[0]) / "two_speakers.flac")
    api = ApiProcess(tmp_path, *stores, TRANSCRIPTS_QUEUE_NAME=name, TRANSCRIPTS_SAMPLE=sample)
    await api.start()
    workers: list[WorkerProcess] = []
    try:
        async with visiting(chromium, api.url) as visitor:
            visitor.expect_complaint("ERR_CONNECTION|htmx:(afterRequest|sendError)")
            page = await visitor.open("/")
            await expect(page.get_by_role("heading", name="Your first transcript")).to_be_visible()
            assert await visitor.violations() == []
            loaded = await page.evaluate(_LOADED)
            assert {"/console/sessions", "/console"} & {path for path, _ in loaded}
            assert any(path.endswith("/live.js") for path, _ in loaded), "what modules load is counted too"
            assert all(size for _, size in loaded), loaded
            assert sum(size for _, size in loaded) < 100_000
            await page.get_by_role("button", name="Try it with that recording").click()
            await expect(page.locator(".progress-of .status")).to_have_text("Queued")
            await api.end(signal.SIGKILL)
            await expect(page.locator("#offline")).to_be_visible()
            await api.start()
            await expect(page.locator("#offline")).to_be_hidden()
            workers.append(
                await start_worker(
                    tmp_path / "worker.log", *stores, tmp_path / "objects", TRANSCRIPTS_QUEUE_NAME=name
                )
            )
            await expect(page.locator(".segment")).not_to_have_count(0, timeout=60_000)
            await expect(page.get_by_role("heading", level=1)).to_contain_text("Two people on the telephone")
            await expect(page.locator(".progress-of, .banner")).to_have_count(0)
    finally:
        for worker in workers:
            await worker.kill()
        await api.end()
