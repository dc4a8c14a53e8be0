"""The page of a session: heard, read, mended, alone and at the same time as somebody else, by hand and by keyboard."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from playwright.async_api import Page, expect

from shared.storage.disk import DiskStore
from tests.console.browser import PHONE, Visitor
from tests.console.conftest import BROWSER_TEST, Service, Visit
from tests.fixtures.talks import store_talk

pytestmark = BROWSER_TEST

_PIXELS = """(() => {
    const canvas = document.querySelector("#wave canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const columns = Array.from({ length: canvas.width }, () => []);
    for (let n = 0; n < data.length; n += 4) {
        if (data[n + 3] < 255) continue;
        const colour = "#" + [...data.slice(n, n + 3)].map((part) => part.toString(16).padStart(2, "0")).join("");
        columns[(n / 4) % canvas.width].push(colour);
    }
    return columns.filter((column) => column.length);
})()"""
_COLOURS = f"() => [...new Set({_PIXELS}.flat())]"
_HEIGHTS = f"() => new Set({_PIXELS}.map((column) => column.length)).size"


async def a_talk(service: Service, minutes: float = 1.0) -> UUID:
    return await store_talk(
        service.pool, DiskStore(service.folder / "objects"), minutes=minutes, title="A talk"
    )


@asynccontextmanager
async def at_session(
    visit: Visit, session: UUID, query: str = "", **options: Any
) -> AsyncIterator[tuple[Visitor, Page]]:
    async with visit(**options) as visitor:
        async with visitor.page.expect_response(re.compile("/words$")):
            page = await visitor.open(f"/console/sessions/{session}{query}")
        await page.wait_for_selector("#session[data-ready]")
        yield visitor, page


async def texts(page: Page) -> list[str]:
    return await page.locator(".segment .said").all_text_contents()


async def test_a_click_on_a_word_plays_it_and_the_word_that_is_spoken_is_marked(
    visit: Visit, service: Service
) -> None:
    session = await a_talk(service)
    words = (await service.http.get(f"/console/sessions/{session}/words")).json()["segments"]
    said, start = words[0][3], words[0][4]  # the second word
    async with at_session(visit, session) as (_, page):
        place = await page.evaluate(
            "said => { const text = document.querySelector('.said').firstChild;"
            " const range = new Range(); const at = text.data.indexOf(said, 1);"
            " range.setStart(text, at); range.setEnd(text, at + said.length);"
            " const box = range.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }",
            f" {said}",
        )
        # So slowly that the first segment lasts longer than what follows takes on any machine.
        await page.evaluate("() => { document.getElementById('audio').playbackRate = 0.0625; }")
        await page.mouse.click(*place)
        await page.wait_for_function(
            "ms => document.getElementById('audio').currentTime * 1000 >= ms", arg=start
        )
        await page.wait_for_function("() => CSS.highlights.get('spoken').size === 1")
        await expect(page.locator("#follow")).to_have_attribute("aria-pressed", "true")
        await page.mouse.wheel(0, 300)
        await expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
        await page.locator("#play").click()
        marked = await page.evaluate("() => String([...CSS.highlights.get('spoken')][0])")
        assert marked in words[0]
        await expect(page.locator(".segment.now")).to_have_attribute("data-start", str(words[0][1]))


async def test_an_edit_is_saved_undone_and_redone(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (visitor, page):
        before = await texts(page)
        first = page.locator(".segment").first
        await first.locator(".said").click()
        await first.get_by_role("button", name="Edit").click()
        editor = first.get_by_label("What is said")
        await expect(editor).to_have_value(before[0])
        assert await visitor.violations() == []
        await editor.fill("What would you like to have?")
        await expect(page.locator("#saved")).to_have_text("Not saved yet")
        await editor.press("Enter")
        await expect(first.locator(".said")).to_have_text("What would you like to have?")
        await expect(page.locator("#said")).to_have_text("The transcript is changed, revision 2.")
        await expect(page.locator("#saved")).to_have_text("All is saved")
        await page.get_by_role("button", name="Undo").click()
        await expect(first.locator(".said")).to_have_text(before[0])
        await page.get_by_role("button", name="Redo").click()
        await expect(first.locator(".said")).to_have_text("What would you like to have?")
        await page.get_by_role("button", name="Redo").click()
        await expect(page.locator("#notices")).to_contain_text("nothing to redo")
        visitor.expect_complaint("409")
        await page.get_by_role("button", name="History").click()
        await page.locator("#history-list summary").first.click()
        await expect(page.locator("#history-list ins")).to_have_text("What would you like to have?")
        await expect(page.locator("#history-list ins")).to_be_visible()
        assert await visitor.violations() == []
        await page.keyboard.press("Escape")
        await page.reload()
        await expect(page.locator(".segment .said").first).to_have_text("What would you like to have?")


async def test_what_cannot_be_saved_stays_until_it_can(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (visitor, page):
        visitor.expect_complaint("ERR_INTERNET_DISCONNECTED")
        first = page.locator(".segment").first
        await first.locator(".said").click()
        await page.keyboard.press("e")
        editor = first.get_by_label("What is said")
        await editor.fill("Written on a train")
        await page.context.set_offline(True)
        await editor.press("Enter")
        await expect(page.locator("#notices")).to_contain_text("Not saved: the connection is lost")
        await expect(editor).to_have_value("Written on a train")
        async with page.expect_event("dialog") as asked:
            await page.close(run_before_unload=True)
        question = await asked.value
        assert question.type == "beforeunload", "who closes the page is asked"
        await question.dismiss()
        await page.context.set_offline(False)
        await editor.press("Enter")
        await expect(first.locator(".said")).to_have_text("Written on a train")
        stored = (await service.http.get(f"/v1/sessions/{session}/segments/0")).json()
        assert stored["text"] == "Written on a train"


async def test_one_speaker_alone_a_quotation_and_where_one_stopped(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (visitor, page):
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("c")
        await expect(page.locator("#notices")).to_contain_text("Copied with name and time.")
        quoted = await page.evaluate("() => navigator.clipboard.readText()")
        said = (await texts(page))[0]
        assert quoted == f"“{said}” (Anna Weber, A talk, 0:00)"
        await page.get_by_label("Whose words are shown").select_option(label="Only Ben Okafor")
        for each in (await page.locator(".segment").all())[:6]:
            await expect(each).to_be_visible(visible=await each.get_attribute("data-speaker") == "2")
        await page.keyboard.press("Escape")
        await page.locator("#follow").focus()
        for _ in range(2):
            await page.keyboard.press("ArrowDown")
            await expect(page.locator(".segment:focus")).to_have_attribute("data-speaker", "2")
        assert await visitor.violations() == []
        await page.get_by_role("button", name="Ten seconds forward").click()
        await expect(page.locator("#clock")).to_have_text("0:10")
        await page.reload()
        await page.wait_for_selector("#session[data-ready]")
        await expect(page.locator("#clock")).to_have_text("0:10")
        await expect(page.locator(".segment.now")).to_have_count(1)


async def test_long_silences_are_told_where_they_are(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (_, page):
        await expect(page.locator(".silence")).to_have_count(0)
        stored = (await service.http.get(f"/v1/sessions/{session}/transcript")).json()["segments"]
        n = next(n for n, each in enumerate(stored) if n and each["end_ms"] - each["start_ms"] > 3_000)
        await page.locator(".segment .said").nth(n).click()
        await page.get_by_role("button", name="Remove").click()
        silence = (stored[n + 1]["start_ms"] - stored[n - 1]["end_ms"]) / 1_000
        note = page.locator(".segment").nth(n).locator(".silence")
        await expect(note).to_have_text(f"{silence:.1f} s of silence")
        longest = page.get_by_role("link", name="Longest pause")
        await expect(longest).to_contain_text(f"{silence:.1f} s")
        await longest.click()
        await page.wait_for_function(
            "ms => document.getElementById('audio').currentTime * 1000 >= ms", arg=stored[n - 1]["end_ms"]
        )
        await page.reload()
        await expect(note).to_have_text(f"{silence:.1f} s of silence")
        await page.wait_for_selector("#session[data-ready]")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator(".silence")).to_have_count(0)


async def test_segments_are_cut_joined_given_to_others_and_removed(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (_, page):
        before = await texts(page)
        first = page.locator(".segment").first
        await first.locator(".said").click()
        await page.keyboard.press("e")
        cut = before[0].index(" ", 4)
        await first.get_by_role("textbox").evaluate("(area, at) => area.setSelectionRange(at, at)", cut)
        await first.get_by_role("button", name="Cut here").click()
        parts = [before[0][:cut], before[0][cut + 1 :]]
        await expect(page.locator(".segment")).to_have_count(len(before) + 1)
        assert await texts(page) == [*parts, *before[1:]]
        await first.get_by_label("Who says this").select_option(label="Ben Okafor")
        await expect(first.locator(".who")).to_have_text("Ben Okafor")
        await first.get_by_role("button", name="Join next").click()
        await expect(page.locator(".segment")).to_have_count(len(before))
        assert await texts(page) == before
        await first.get_by_role("button", name="Remove").click()
        await expect(page.locator(".segment")).to_have_count(len(before) - 1)
        assert await texts(page) == before[1:]
        await page.keyboard.press("u")
        await expect(page.locator(".segment")).to_have_count(len(before))
        stored = (await service.http.get(f"/v1/sessions/{session}/transcript")).json()["segments"]
        assert [each["text"] for each in stored] == await texts(page)


async def test_speakers_get_names_swap_roles_and_become_more(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (_, page):
        await page.get_by_role("button", name="Swap roles").click()
        await expect(page.get_by_label("Role of speaker 1")).to_have_value("client")
        for number, role in ((1, "unknown"), (2, "unknown"), (1, "client")):
            await page.get_by_label(f"Role of speaker {number}").select_option(role)
        await expect(page.get_by_label("Role of speaker 2")).to_have_value("coach")
        await page.get_by_label("Name of speaker 1").fill("Ana")
        await page.get_by_role("button", name="Add").click()
        await page.get_by_label("Name of speaker 3").fill("Guest")
        await page.locator("#save-speakers").click()
        await expect(page.locator("#save-speakers")).to_be_hidden()
        await expect(page.locator(".segment .who").first).to_have_text("Ana")
        await expect(page.locator("#talk")).to_contain_text("Ana")
        told = (await service.http.get(f"/v1/sessions/{session}/speakers")).json()["speakers"]
        assert [(each["name"], each["role"]) for each in told] == [
            ("Ana", "client"), ("Ben Okafor", "coach"), ("Guest", "unknown"),
        ]  # fmt: skip


async def test_of_two_who_change_the_same_place_each_is_asked_which_is_to_stay(
    visit: Visit, service: Service
) -> None:
    session = await a_talk(service)
    url = f"/v1/sessions/{session}/segments"
    anybody = {"If-Match": "*"}
    async with at_session(visit, session) as (visitor, page):
        visitor.expect_complaint("412")
        for choice, kept in (("Keep what is there", "Theirs"), ("Take mine", "Mine")):
            first = page.locator(".segment").first
            await first.locator(".said").click()
            await first.get_by_role("button", name="Edit").click()
            await service.http.patch(f"{url}/0", json={"text": "Theirs"}, headers=anybody)
            await service.http.patch(f"{url}/0", json={"text": f"Theirs {choice}"}, headers=anybody)
            await first.get_by_role("textbox").fill("Mine")
            await first.get_by_role("button", name="Save").click()
            dialog = page.get_by_role("dialog")
            await expect(dialog.locator("#theirs")).to_have_text(f"Theirs {choice}")
            await expect(dialog.locator("#mine")).to_have_text("Mine")
            assert await visitor.violations() == []
            await dialog.get_by_role("button", name=choice).click()
            await expect(dialog).to_be_hidden()
            await expect(page.locator(".segment .said").first).to_have_text(re.compile(kept))
        assert (await service.http.get(f"{url}/0")).json()["text"] == "Mine"


async def test_what_others_change_elsewhere_is_no_conflict_and_is_shown(
    visit: Visit, service: Service
) -> None:
    """Their edit came between: ours is made, and the page has both."""
    session = await a_talk(service)
    async with at_session(visit, session) as (_, page):
        await service.http.patch(
            f"/v1/sessions/{session}/segments/3",
            json={"text": "Changed by others"},
            headers={"If-Match": "*"},
        )
        first = page.locator(".segment").first
        await first.locator(".said").click()
        await page.keyboard.press("e")
        await first.get_by_role("textbox").fill("Changed here")
        await page.keyboard.press("Enter")
        await expect(page.locator(".segment .said").nth(3)).to_have_text("Changed by others")
        await expect(page.locator(".segment .said").first).to_have_text("Changed here")


async def test_all_of_it_without_a_mouse(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (visitor, page):
        before = await texts(page)
        await page.keyboard.press("?")
        help_ = page.get_by_role("dialog")
        await expect(help_).to_be_visible()
        assert await visitor.violations() == []
        await page.keyboard.press("Escape")
        await expect(help_).to_be_hidden()
        for _ in range(2):
            await page.keyboard.press("ArrowDown")
        second = page.locator(".segment").nth(1)
        await expect(second).to_be_focused()
        await page.keyboard.press("e")
        await page.keyboard.insert_text("Well. ")
        await page.keyboard.press("Enter")
        await expect(second.locator(".said")).to_have_text(f"Well. {before[1]}")
        await expect(second).to_be_focused()
        await page.keyboard.press("1")
        await expect(second.locator(".who")).to_have_text("Anna Weber")
        await page.keyboard.press("l")
        await expect(page.locator("#clock")).to_have_text("0:10")
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#clock")).to_have_text("0:05")
        await page.keyboard.press(">")
        await expect(page.locator("#speed")).to_have_value("1.25")
        await page.keyboard.press("f")
        await expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
        await page.keyboard.press("?")
        await help_.get_by_label("Keys are on").uncheck()
        await page.keyboard.press("Escape")
        await page.keyboard.press("f")
        await expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")
        await page.get_by_role("slider").press("ArrowRight")
        await expect(page.locator("#clock")).to_have_text("0:10")  # what has the focus has its own keys


async def test_the_first_key_after_the_help_is_heard(visit: Visit, service: Service) -> None:
    """A closed dialog has the focus until the next frame: a key that comes sooner is for the page."""
    session = await a_talk(service)
    async with at_session(visit, session) as (_, page):
        await page.keyboard.press("?")
        await expect(page.get_by_role("checkbox", name="Keys are on")).to_be_focused()
        await page.evaluate("""() => {
            document.querySelector("#help").close();
            const down = new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(down);
        }""")
        await expect(page.locator(".segment").first).to_be_focused()


async def test_three_hours_scroll_like_three_minutes(visit: Visit, service: Service) -> None:
    """Words are no elements, parts out of sight are not laid out, and a moment far down is found."""
    session = await a_talk(service, 180)
    async with at_session(visit, session, "?at=9000000") as (_, page):
        segments = await page.locator(".segment").count()
        assert segments > 2_000
        elements = await page.evaluate("() => document.querySelectorAll('#transcript *').length")
        assert elements <= 5.1 * segments, "no element a word"
        parts = page.locator(".part")
        assert await parts.count() <= segments / 20
        style = "part => getComputedStyle(part).contentVisibility"
        assert await parts.first.evaluate(style) == "auto"
        await expect(page.locator("#near")).to_be_visible()  # a pixel of the whole is ten seconds
        found = page.locator(".segment.found")
        await expect(found).to_be_in_viewport()
        start = await found.get_attribute("data-start") or ""
        assert 8_950_000 < int(start) <= 9_000_000
        await page.evaluate("() => window.scrollTo(0, 0)")
        await expect(page.locator(".segment").first).to_be_in_viewport()
        await found.evaluate("segment => segment.focus()")
        await page.keyboard.press("3")  # no such speaker: nothing happens
        speaker, name = (
            ("2", "Ben Okafor") if await found.get_attribute("data-speaker") == "1" else ("1", "Anna Weber")
        )
        await page.keyboard.press(speaker)
        who = page.locator(f'.segment[data-start="{start}"] .who')
        await expect(who).to_have_text(name)


async def test_the_waveform_has_the_speakers_colours_and_leads_to_any_moment(
    visit: Visit, service: Service
) -> None:
    """Where a session is older than waveforms, it shows who speaks when."""
    session = await a_talk(service)
    for drawn in (True, False):
        if not drawn:
            await service.pool.execute("DELETE FROM waveform WHERE session_id = $1", session)
        async with at_session(visit, session) as (visitor, page):
            visitor.expect_complaint("willReadFrequently")  # the test looks at pixels, the page never does
            await page.wait_for_function(_HEIGHTS + " > 1" if drawn else _HEIGHTS + " === 1")
            colours = await page.evaluate(_COLOURS)
            assert {"#33557f", "#8a4b12"} <= set(colours), "a blue and a brown voice"
            wave = page.get_by_role("slider")
            box = await wave.bounding_box()
            assert box is not None
            await page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 10)
            await expect(page.locator("#clock")).to_have_text("0:45")
            await expect(wave).to_have_attribute("aria-valuetext", "0:45")
            await expect(page.locator(".segment.now")).to_be_in_viewport()


async def test_everyone_can_read_it_light_and_dark_on_a_phone_too(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    for options in ({}, {"dark": True}, {"size": PHONE}, {"size": PHONE, "dark": True, "locale": "zh-TW"}):
        async with at_session(visit, session, **options) as (visitor, page):
            await page.locator(".segment .said").first.click()
            assert await visitor.violations() == [], options
            if "size" in options:
                width = await page.evaluate("() => document.documentElement.scrollWidth")
                assert width <= PHONE[0], "nothing has to be scrolled sideways"


async def test_files_of_every_kind_come_with_their_options(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (visitor, page):
        await page.get_by_role("button", name="Export").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("radio", name="srt").check()
        await dialog.get_by_label("Columns a line").fill("20")
        await dialog.get_by_label("Names").check()
        assert await visitor.violations() == []
        async with page.expect_download() as begun:
            await dialog.get_by_role("button", name="Download").click()
        download = await begun.value
        assert download.suggested_filename == "A talk.srt"
        text = (await download.path()).read_text()
        assert "Speaker 1" in text
        assert "Anna" not in text
        assert max(map(len, text.splitlines())) < 40


async def test_another_transcription_runs_beside_the_old_transcript(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (visitor, page):
        await page.get_by_role("button", name="Transcribe again").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Language").select_option("")
        await dialog.get_by_label("Speakers, at most").fill("3")
        assert await visitor.violations() == []
        async with page.expect_response(re.compile("/words$")):
            await dialog.get_by_role("button", name="Transcribe").click()
        await expect(page.locator("#progress .status")).to_have_text("Queued")
        await expect(page.locator(".segment")).not_to_have_count(0)
        stored = (await service.http.get(f"/v1/sessions/{session}")).json()
        job = (await service.http.get(f"/v1/jobs/{stored['job_id']}")).json()
        assert (job["language"], job["speakers"]) == (None, 3)
        await service.http.post(f"/v1/jobs/{job['id']}/cancel")
        await expect(page.locator(".banner")).to_contain_text("The new transcription: Cancelled")


async def test_a_session_is_renamed_and_erased(visit: Visit, service: Service) -> None:
    session = await a_talk(service)
    async with at_session(visit, session) as (visitor, page):
        await page.get_by_role("button", name="Rename").click()
        await page.get_by_role("dialog").get_by_label("Title").fill("Another name")
        await page.get_by_role("dialog").get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Another name")
        await page.get_by_role("button", name="Erase").click()
        assert await visitor.violations() == []
        await page.get_by_role("dialog").get_by_role("button", name="Erase").click()
        await page.wait_for_url("**/console/sessions")
        assert (await service.http.get(f"/v1/sessions/{session}")).status_code == 404
