"""A transcript of three hours in the browser: `python -m benchmarks.console`.

Our page against the same page written plainly: each word a span that can be clicked, every segment laid out. Both are
the one session, in the same browser and run. What counts is the processor time of the page's main thread, by
Chromium's own counters: a busy machine makes frames late, not dear. 16.7 ms a frame is what 60 frames a second allow;
a frame that takes longer is late.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path
from statistics import mean
from typing import Final

from playwright.async_api import CDPSession, Page
from rich.console import Console
from rich.table import Table

from shared.database import open_pool
from shared.storage.disk import DiskStore
from tests.console.browser import DESKTOP, find_chromium, running_chromium
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.stores import stores
from tests.fixtures.talks import store_talk

_WHEEL: Final = 120  # pixels a frame: a quick wheel
_DRAG: Final = 2_400  # three screens a frame: the scrollbar is pulled
_FRAMES: Final = 500
_FRAME_MS: Final = 16.7
_SCROLL: Final = """(step) => new Promise((resolve) => {
    const before = scrollY;
    scrollBy(0, step);
    if (scrollY === before) scrollTo(0, 0);  // from the end to the beginning
    requestAnimationFrame(() => setTimeout(resolve));  // the frame is laid out and painted
})"""
_PLAINLY: Final = """() => {
    for (const part of document.querySelectorAll(".part")) part.style.contentVisibility = "visible";
    for (const said of document.querySelectorAll(".said")) {
        const words = said.textContent.split(" ").map((text) => {
            const word = document.createElement("span");
            word.textContent = text;
            word.tabIndex = -1;
            return word;
        });
        said.replaceChildren(...words.flatMap((word) => [word, " "]));
    }
    return document.body.offsetHeight;
}"""
_PLAYED_MS: Final = 3_000
_PLAY: Final = """(ms) => new Promise((resolve) => {
    let frames = 0;
    let playing = true;
    const frame = () => {
        frames += 1;
        if (playing) requestAnimationFrame(frame); else resolve(frames);
    };
    document.getElementById("audio").play();
    requestAnimationFrame(frame);
    setTimeout(() => {
        playing = false;
        document.getElementById("audio").pause();
    }, ms);
})"""
_EDITS: Final = 20
_EDIT: Final = """(times) => {
    const said = document.querySelector(".said");
    for (let n = 0; n < times; n += 1) {
        said.append(" and one more word that makes a line longer");
        void document.body.offsetHeight;
    }
}"""


async def counters(cdp: CDPSession) -> dict[str, float]:
    """Chromium's counters; times in seconds of the main thread's processor."""
    told = await cdp.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in told["metrics"]}


async def scrolled(page: Page, cdp: CDPSession, step: int) -> list[float]:
    """Milliseconds of processor of each frame, the cheapest first: what is felt is the dearest."""
    await page.evaluate("() => scrollTo(0, 0)")
    frames = []
    before = (await counters(cdp))["TaskDuration"]
    for _ in range(_FRAMES):
        await page.evaluate(_SCROLL, step)
        now = (await counters(cdp))["TaskDuration"]
        frames.append((now - before) * 1_000)
        before = now
    return sorted(frames)


def told(name: str, frames: list[float]) -> dict[str, float]:
    """What is felt of frames: the usual one, the dearest in a hundred, and how many come late."""
    return {
        f"{name} ms": mean(frames),
        f"{name}, 99 %": frames[-len(frames) // 100],
        f"{name}, late": sum(frame > _FRAME_MS for frame in frames),
    }


async def played(page: Page, cdp: CDPSession) -> float:
    """Milliseconds of processor a frame while it plays: the word is marked, the waveform goes along."""
    await page.evaluate("() => scrollTo(0, 0)")
    before = (await counters(cdp))["TaskDuration"]
    frames = await page.evaluate(_PLAY, _PLAYED_MS)
    return ((await counters(cdp))["TaskDuration"] - before) * 1_000 / int(frames)


async def edited(page: Page, cdp: CDPSession) -> float:
    """Milliseconds of processor to show a longer first segment, all below it moved."""
    await page.evaluate("() => scrollTo(0, 0)")
    await page.wait_for_timeout(300)  # until the part that is in sight again is laid out
    before = (await counters(cdp))["TaskDuration"]
    await page.evaluate(_EDIT, _EDITS)
    return ((await counters(cdp))["TaskDuration"] - before) * 1_000 / _EDITS


async def measured(url: str, executable: str) -> list[dict[str, float]]:
    """Both pages: their elements, what they took to lay out, a frame of scrolling, and an edit."""
    found = []
    async with running_chromium(executable) as browser:
        width, height = DESKTOP
        page = await browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        await page.goto(url)
        await page.wait_for_selector("#session[data-ready]")
        for name in ("ours", "plainly"):
            if name == "plainly":
                before = (await counters(cdp))["TaskDuration"]
                await page.evaluate(_PLAINLY)
            else:
                before = 0.0
            laid_out = (await counters(cdp))["TaskDuration"] - before
            elements = await page.evaluate("() => document.querySelectorAll('#transcript *').length")
            wheel = await scrolled(page, cdp, _WHEEL)
            drag = await scrolled(page, cdp, _DRAG)
            edit = await edited(page, cdp)
            found.append(
                {
                    "elements": elements,
                    "laid out ms": laid_out * 1_000,
                    **told("wheel", wheel),
                    **told("drag", drag),
                    "playing ms": await played(page, cdp),
                    "edit ms": edit,
                }
            )
    return found


async def run(hours: float, executable: str, folder: Path) -> None:
    """Make the session, ask the browser, print."""
    async with stores(folder) as (database, redis):
        api = ApiProcess(folder, database, redis)
        await api.start()
        try:
            async with await open_pool(database, size=2, name="benchmark") as pool:
                session = await store_talk(pool, DiskStore(folder / "objects"), minutes=hours * 60)
            rows = await measured(f"{api.url}/console/sessions/{session}", executable)
        finally:
            await api.end()
    ours, plainly = rows
    table = Table(f"{hours:g} hours", "ours", "plainly", "ratio")
    for name in ours:
        table.add_row(
            name, f"{ours[name]:,.1f}", f"{plainly[name]:,.1f}", f"{plainly[name] / max(ours[name], 0.1):.1f}"
        )
    Console().print(table)
    print("load:", " ".join(f"{load:.1f}" for load in os.getloadavg()))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=3.0)
    arguments = parser.parse_args()
    executable = find_chromium()
    if executable is None:
        raise SystemExit("There is no Chromium here: `make browser` installs it.")
    with tempfile.TemporaryDirectory(prefix="transcripts-bench-") as name:
        asyncio.run(run(arguments.hours, executable, Path(name)))


if __name__ == "__main__":
    main()
