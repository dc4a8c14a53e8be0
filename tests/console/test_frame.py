"""The frame of every page, in a browser: light, dark, language, the menu of a phone, the keyboard."""

from playwright.async_api import expect

from api_service.console.languages import language
from tests.console.browser import PHONE
from tests.console.conftest import BROWSER_TEST, Visit

pytestmark = BROWSER_TEST
WORKERS = "/console/operate/workers"


async def test_the_theme_and_the_language_stay_as_they_were_chosen(visit: Visit) -> None:
    async with visit() as visitor:
        page = await visitor.open(WORKERS)
        ground = "() => getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(ground)
        async with page.expect_response("**/console/theme"):
            await page.get_by_role("button", name="Light or dark").click()
        await page.wait_for_function(f"(light) => ({ground})() !== light", arg=light)
        dark = await page.evaluate(ground)
        await page.get_by_role("button", name="繁體中文").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("工作者")
        await page.wait_for_function(f"(dark) => ({ground})() === dark", arg=dark)


async def test_a_phone_has_a_menu(visit: Visit) -> None:
    async with visit(size=PHONE) as visitor:
        page = await visitor.open(WORKERS)
        link = page.get_by_role("link", name="Queue")
        await expect(link).to_be_hidden()
        await page.get_by_role("button", name="Menu").click()
        await expect(link).to_be_visible()
        width = await page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= PHONE[0], "nothing has to be scrolled sideways"


async def test_a_refusal_that_a_script_gets_is_told_in_the_reader_s_language(visit: Visit) -> None:
    told = """async ([code, detail]) => {
        const address = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "api.js");
        const { Problem } = await import(address);
        return new Problem(409, { code, detail }).message;
    }"""
    words = language("zh-TW").texts
    async with visit(locale="zh-TW") as visitor:
        page = await visitor.open("/console/upload")
        usual = ["budget_exceeded", "The budget of this month does not allow it. Nothing was spent."]
        assert await page.evaluate(told, usual) == words["error.budget_exceeded"]
        more = await page.evaluate(told, ["budget_exceeded", "3.00 USD are spent."])
        assert more == f"{words['error.budget_exceeded']} 3.00 USD are spent."
        assert await page.evaluate(told, ["their_code", "Theirs."]) == "Theirs."
    async with visit() as visitor:
        page = await visitor.open("/console/upload")
        assert await page.evaluate(told, ["budget_exceeded", "3.00 USD are spent."]) == "3.00 USD are spent."


async def test_everyone_can_use_the_frame(visit: Visit) -> None:
    for dark in (False, True):
        async with visit(dark=dark) as visitor:
            page = await visitor.open(WORKERS)
            assert await visitor.violations() == []
            await page.keyboard.press("Tab")
            await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(page.locator("#main")).to_be_focused()
