"""Keys in a browser: signing in, what a scope shows, and the end of it when the key is revoked."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest_asyncio
from playwright.async_api import Browser, expect

from deploy.local.postgres import Postgres
from deploy.local.redis import Redis
from shared.database import Pool, open_pool
from shared.scopes import Scope
from tests.conftest import TEMPLATE
from tests.console.browser import visiting
from tests.console.conftest import BROWSER_TEST
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.keys import PEPPER, made_key

pytestmark = BROWSER_TEST
WORKERS = "/console/operate/workers"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def locked(
    chromium: Browser, postgres_server: Postgres, redis_server: Redis, tmp_path_factory: object
) -> AsyncIterator[tuple[ApiProcess, Pool]]:
    """An API that asks for keys."""
    assert chromium.is_connected()
    folder: Path = tmp_path_factory.mktemp("locked")  # type: ignore[attr-defined]
    name = f"locked_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_server.url("postgres"))
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    await admin.close()
    settings = {"TRANSCRIPTS_PEPPER": PEPPER, "TRANSCRIPTS_KEY_CACHE_SECONDS": "0"}
    api = ApiProcess(
        folder, postgres_server.url(name), redis_server.url(), TRANSCRIPTS_QUEUE_NAME=name, **settings
    )
    pool = await open_pool(postgres_server.url(name), size=2, name="test")
    await api.start()
    yield api, pool
    await api.end()
    await pool.close()


async def test_one_signs_in_with_a_key_and_out_again(
    chromium: Browser, locked: tuple[ApiProcess, Pool]
) -> None:
    api, pool = locked
    key, token = await made_key(pool)
    async with visiting(chromium, api.url) as visitor:
        visitor.expect_complaint("401")
        page = await visitor.open(WORKERS)
        await expect(page.get_by_label("Key")).to_be_focused()
        assert await visitor.violations() == []
        await page.keyboard.type("ctk_wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("This is no key of this service")
        assert await visitor.violations() == []
        await page.get_by_label("Key").fill(token)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{api.url}{WORKERS}")
        cookies = {cookie["name"]: cookie for cookie in await visitor.context.cookies()}
        assert cookies["console_key"]["httpOnly"]
        assert cookies["console_key"]["sameSite"] == "Strict"
        kept = "() => document.cookie + JSON.stringify({...localStorage, ...sessionStorage})"
        assert "ctk_" not in await page.evaluate(kept)
        assert cookies["console_key"]["value"] not in await page.evaluate(kept)
        await page.evaluate("() => localStorage.setItem('console.uploads.default', 'a name of a recording')")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("Key")).to_be_visible()
        assert await page.evaluate("() => localStorage.length") == 0, "it keeps nothing for who comes next"
        await visitor.open(WORKERS)
        await expect(page.get_by_label("Key")).to_be_visible()
    assert await pool.fetchval("SELECT count(*) FROM audit_event WHERE actor = $1", str(key.id)) == 1


async def test_a_page_that_is_open_ends_with_its_key(
    chromium: Browser, locked: tuple[ApiProcess, Pool]
) -> None:
    api, pool = locked
    key, token = await made_key(pool, scopes=(Scope.OPS,))
    async with visiting(chromium, api.url) as visitor:
        visitor.expect_complaint("401")
        page = await visitor.open("/console/sign-in?next=/console/operate/queue")
        await page.get_by_label("Key").fill(token)
        async with page.expect_response("**/console/operate/events"):  # it listens
            await page.keyboard.press("Enter")
        await page.wait_for_url(f"{api.url}/console/operate/queue")
        await pool.execute("UPDATE api_key SET revoked_at = now() WHERE id = $1", key.id)
        await pool.execute("INSERT INTO queue_pause (reason) VALUES ('what it would have shown')")
        await page.wait_for_url(lambda url: url.endswith("/sign-in?next=%2Fconsole%2Foperate%2Fqueue"))
        assert "what it would have shown" not in await page.content()


async def test_a_stream_that_is_refused_leads_to_the_sign_in(
    chromium: Browser, locked: tuple[ApiProcess, Pool]
) -> None:
    """The key ended before the stream was opened: no event will ever tell."""
    api, pool = locked
    key, token = await made_key(pool, scopes=(Scope.OPS,))
    async with visiting(chromium, api.url) as visitor:
        visitor.expect_complaint("401")
        visitor.expect_complaint(r"\[object Event\]")  # as htmx writes a stream's error
        page = await visitor.open("/console/sign-in?next=/console/operate/queue")
        await page.get_by_label("Key").fill(token)
        await page.context.route("**/console/operate/events", lambda route: route.fulfill(status=401))
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{api.url}/console/operate/queue")
        await pool.execute("UPDATE api_key SET revoked_at = now() WHERE id = $1", key.id)
        await page.wait_for_url(lambda url: url.endswith("/sign-in?next=%2Fconsole%2Foperate%2Fqueue"))


async def test_a_key_sees_what_its_scopes_open(chromium: Browser, locked: tuple[ApiProcess, Pool]) -> None:
    api, pool = locked
    _, token = await made_key(pool, scopes=(Scope.OPS,))
    async with visiting(chromium, api.url) as visitor:
        visitor.expect_complaint("403")
        page = await visitor.open("/")
        await page.get_by_label("Key").fill(token)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
        await expect(page.get_by_role("link", name="Sessions")).to_have_count(0)
        await visitor.open("/console/sessions")
        await expect(page.get_by_role("heading", name="No permission")).to_be_visible()
        assert await visitor.violations() == []
        await page.get_by_role("main").get_by_role("link", name="Overview").click()
        await expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


async def test_a_link_from_another_site_leads_to_the_page_of_who_has_signed_in(
    chromium: Browser, locked: tuple[ApiProcess, Pool]
) -> None:
    """A strict cookie does not come along such a link; the page is asked for once more, by itself."""
    api, pool = locked
    _, token = await made_key(pool)
    async with visiting(chromium, api.url) as visitor:
        page = await visitor.open("/console/sign-in?next=/console/operate/workers")
        await page.get_by_label("Key").fill(token)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{api.url}{WORKERS}")
        elsewhere = api.url.replace("127.0.0.1", "localhost")
        await page.goto(f"{elsewhere}/docs")
        await page.evaluate("url => { location.href = url; }", api.url + WORKERS)
        await page.wait_for_url(f"{api.url}{WORKERS}")
        await expect(page.get_by_role("heading", name="Workers", level=1)).to_be_visible()
