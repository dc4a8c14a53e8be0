"""Recordings that go straight to the bucket and are played from there: other origins, by the page's own policy."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from deploy.local.postgres import Postgres
from deploy.local.redis import Redis
from tests.conftest import TEMPLATE
from tests.console.browser import visiting
from tests.console.conftest import BROWSER_TEST
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.audio import silent_wav

pytest_plugins = ("tests.fakes.google.fixtures",)
pytestmark = BROWSER_TEST
_LENGTH = """address => new Promise((resolve, reject) => {
    const audio = new Audio(address);
    audio.onloadedmetadata = () => resolve(audio.duration);
    audio.onerror = () => reject(audio.error);
})"""


@dataclass
class Cloud:
    """An API whose recordings are in a bucket."""

    url: str
    google: FakeGoogle

    def let_in(self, *origins: str) -> None:
        """Set the bucket's CORS rules as docs/storage.md has them."""
        rule = {
            "origin": list(origins),
            "method": ["POST", "PUT", "GET"],
            "responseHeader": [
                "Content-Type", "Content-Range", "Location", "Range", "x-goog-resumable",
                "x-goog-content-length-range", "x-goog-if-generation-match",
            ],
        }  # fmt: skip
        answer = httpx.patch(
            f"{self.google.storage_url}/storage/v1/b/recordings",
            json={"cors": [rule] if origins else []},
        )
        assert answer.status_code == 200, answer.text


@pytest_asyncio.fixture(loop_scope="session")
async def cloud(
    chromium: Browser, google: FakeGoogle, postgres_server: Postgres, redis_server: Redis, tmp_path: Path
) -> AsyncIterator[Cloud]:
    name = f"cloud_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_server.url("postgres"))
    async with AsyncExitStack() as ends:
        ends.push_async_callback(admin.close)
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
        api = ApiProcess(
            tmp_path,
            postgres_server.url(name),
            redis_server.url(),
            TRANSCRIPTS_QUEUE_NAME=name,
            TRANSCRIPTS_STORAGE_URL="gs://recordings",
            TRANSCRIPTS_GCS_ENDPOINT=google.storage_url,
            GOOGLE_APPLICATION_CREDENTIALS_JSON=json.dumps(google.service_account()),
            GOOGLE_PROJECT_ID="coaches",
        )
        ends.push_async_callback(api.end)
        await api.start()
        yield Cloud(api.url, google)


async def upload(page: Page, cloud: Cloud, recording: Path) -> list[str]:
    """Send a recording; returns the requests that carried bytes of it."""
    carried: list[str] = []
    page.on(
        "request",
        lambda request: (
            carried.append(f"{request.method} {request.url}") if request.method in {"PUT", "PATCH"} else None
        ),
    )
    await choose(page, cloud, recording)
    await page.get_by_label("Engine").select_option("google")
    await expect(page.locator("#estimate")).to_have_text("1:00 of sound: about $0.02.")
    await page.get_by_label("Engine").select_option("scripted")
    await expect(page.locator("#estimate")).to_have_text("Transcribing costs nothing.")
    await page.get_by_role("button", name="Upload and transcribe").click()
    await expect(page.locator(".item").get_by_role("link", name="Open")).to_be_visible()
    return carried


async def choose(page: Page, cloud: Cloud, recording: Path) -> None:
    await page.goto(f"{cloud.url}/console/upload")
    await page.wait_for_selector("#upload[data-ready]")
    await page.locator("#files").set_input_files(recording)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    path.write_bytes(silent_wav(60))
    return path


async def test_a_recording_goes_straight_to_the_bucket_and_goes_on_after_a_break(
    chromium: Browser, cloud: Cloud, recording: Path
) -> None:
    cloud.let_in(cloud.url)
    async with visiting(chromium, cloud.url) as visitor:
        visitor.expect_complaint("ERR_CONNECTION_RESET|ERR_FAILED")
        broken: list[str] = []

        async def break_first(route: Route) -> None:
            if route.request.method == "PUT" and not broken:
                broken.append(route.request.url)
                await route.abort("connectionreset")
            else:
                await route.fallback()

        await visitor.page.route(f"{cloud.google.storage_url}/**", break_first)
        carried = await upload(visitor.page, cloud, recording)
        assert broken
        assert len(carried) >= 2, "sent, broken, asked how far it is, sent on"
        assert all(each.startswith(f"PUT {cloud.google.storage_url}/recordings/") for each in carried)
        session = await visitor.page.locator("[data-do=open]").get_attribute("href") or ""
        assert await visitor.page.evaluate(_LENGTH, f"/v1{session.removeprefix('/console')}/audio") == 60


async def test_what_the_bucket_has_is_not_sent_again_after_the_page_was_closed(
    chromium: Browser, cloud: Cloud, tmp_path: Path
) -> None:
    cloud.let_in(cloud.url)
    recording = tmp_path / "long.wav"
    recording.write_bytes(silent_wav(400))  # 13 MB
    async with visiting(chromium, cloud.url) as visitor:
        visitor.expect_complaint("ERR_ABORTED|ERR_FAILED")
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_500_000}
        page = visitor.page
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Network.emulateNetworkConditions", slow)
        await choose(page, cloud, recording)
        await page.get_by_role("button", name="Upload and transcribe").click()
        await page.wait_for_function("() => document.querySelector('.item progress').value > 25")
        await page.goto("about:blank")
        await devtools.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
        ranges: list[str] = []
        page.on(
            "request",
            lambda request: (
                ranges.append(request.headers["content-range"]) if request.method == "PUT" else None
            ),
        )
        await choose(page, cloud, recording)
        kept = await page.evaluate("() => JSON.stringify({...localStorage, ...sessionStorage})")
        assert "upload_id" not in kept, "the address is a secret: sealed"
        item = page.locator(".item")
        await expect(item.get_by_role("link", name="Open")).to_be_visible()
        size = recording.stat().st_size
        assert ranges[0] == f"bytes */{size}", "asked how far it is"
        assert int(ranges[1].removeprefix("bytes ").partition("-")[0]) >= size // 8, ranges
        assert len(ranges) == 2


async def test_where_the_bucket_lets_no_page_in_the_api_takes_it(
    chromium: Browser, cloud: Cloud, recording: Path
) -> None:
    cloud.let_in()
    async with visiting(chromium, cloud.url) as visitor:
        visitor.expect_complaint("CORS|ERR_FAILED")
        carried = await upload(visitor.page, cloud, recording)
        assert [each.partition(" ")[0] for each in carried] == ["PATCH"]
