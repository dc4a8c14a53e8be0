"""A person at a browser: what a page does is done in a real Chromium, and what it complains of is kept."""

import hashlib
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

_AXE: Final = Path(__file__).with_name("vendor") / "axe.min.js"
# axe-core 4.14.1 as npm has it; its licence, MPL-2.0, lies beside it.
_AXE_SHA256: Final = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_PAINTED: Final = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_PATIENCE_MS: Final = 90_000  # on a machine with much else to do
DESKTOP: Final = (1280, 800)
PHONE: Final = (390, 844)


def find_chromium() -> str | None:
    """The browser of this machine; None where there is none (`make browser` installs it)."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def running_chromium(executable: str) -> AsyncIterator[Browser]:
    """A Chromium without a window, in a profile of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


class Visitor:
    """A page in a browser of its own: cookies, size, language and colours are this visitor's alone."""

    def __init__(self, context: BrowserContext, page: Page, base_url: str) -> None:
        self.context = context
        self.page = page
        self.base_url = base_url
        self.complaints: list[str] = []
        self._expected: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))

    async def open(self, path: str) -> Page:
        """Go to a page of the console and wait until it is there."""
        await self.page.goto(self.base_url + path)
        return self.page

    def expect_complaint(self, pattern: str) -> None:
        """A test that breaks something says what the browser will complain of."""
        self._expected.append(pattern)

    def refuse_complaints(self) -> None:
        """Fail where the browser has complained: an error of a script, a violation of the policy, a missing file."""
        unexpected = [each for each in self.complaints if not any(re.search(p, each) for p in self._expected)]
        assert not unexpected, unexpected

    async def violations(self) -> list[str]:
        """What axe finds that keeps people out, on the page as it stands.

        What it finds once alone was a page between two states, such as light and dark: a real one is there to stay.
        """
        return await self._violations() and await self._violations()

    async def _violations(self) -> list[str]:
        # Twice painted: what was changed just now, such as the colours, is on the screen.
        await self.page.evaluate(_PAINTED)
        source = _AXE.read_text()
        assert hashlib.sha256(source.encode()).hexdigest() == _AXE_SHA256
        await self.page.evaluate(source)
        found: dict[str, Any] = await self.page.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", _RULES
        )
        return [
            f"{each['id']}: {each['help']}: {node['target']} {node.get('failureSummary', '')[:200]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")


@asynccontextmanager
async def visiting(
    browser: Browser,
    base_url: str,
    *,
    size: tuple[int, int] = DESKTOP,
    dark: bool = False,
    locale: str = "en-GB",
) -> AsyncIterator[Visitor]:
    """A visitor; what its browser complained of fails the test at the end."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        locale=locale,
        timezone_id="Asia/Taipei",
        reduced_motion="reduce",
        has_touch=size == PHONE,
    )
    context.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    try:
        visitor = Visitor(context, await context.new_page(), base_url)
        yield visitor
        visitor.refuse_complaints()
    finally:
        await context.close()
