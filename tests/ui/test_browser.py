"""The pages in a real browser: keys, folding, choosing, themes, narrow screens."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from spanloom_ui.sample_traces import checkout_trace, hostile_trace, huge_trace

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHECKOUT = checkout_trace(number=1000)[0].trace_id.hex()
HOSTILE = hostile_trace()[0].trace_id.hex()
HUGE = huge_trace(1)[0].trace_id.hex()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, site: str) -> AsyncIterator[Page]:
    """A fresh reader with a wide screen; whatever the console complains about fails the test."""
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900}, base_url=site, color_scheme="light"
    )
    context.set_default_timeout(5_000)
    opened = await context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    assert complaints == []
    await context.close()


async def active_row(page: Page) -> str:
    """The number of the row that has the focus."""
    return str(await page.evaluate("document.activeElement.dataset.row"))


async def width_of(element: Locator) -> float:
    """How wide it is drawn."""
    box = await element.bounding_box()
    assert box
    return box["width"]


async def press(page: Page, keys: str) -> None:
    """Press one key after the other."""
    for key in keys.split():
        await page.keyboard.press(key)


async def test_arrows_walk_the_tree(page: Page) -> None:
    """Up, down, Home and End move the focus, one row at a time."""
    await page.goto(f"/trace/{CHECKOUT}")
    await page.locator("#row-0").focus()
    await press(page, "ArrowDown ArrowDown ArrowDown ArrowUp")
    assert await active_row(page) == "2"
    await press(page, "End")
    assert await active_row(page) == "25"
    await press(page, "Home")
    assert await active_row(page) == "0"


async def test_left_and_right_fold_and_unfold(page: Page) -> None:
    """Left folds, then goes to the parent; right unfolds, then goes to the first child."""
    await page.goto(f"/trace/{CHECKOUT}")
    row = page.locator("#row-3")
    await row.focus()
    await press(page, "ArrowLeft")
    await expect(row).to_have_attribute("aria-expanded", "false")
    await expect(page.locator("#row-4")).to_be_hidden()
    await expect(row).to_contain_text("+2")
    await press(page, "ArrowLeft")
    assert await active_row(page) == "2"
    await press(page, "ArrowRight ArrowRight")
    await expect(row).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("#row-4")).to_be_visible()
    await press(page, "ArrowRight")
    assert await active_row(page) == "4"


async def test_enter_chooses_without_a_new_page(page: Page, site: str) -> None:
    """The panel, the address and the announcement follow the choice; the page stays."""
    await page.goto(f"/trace/{CHECKOUT}")
    await page.evaluate("window.stays = true")
    await page.locator("#row-19").focus()
    await press(page, "Enter")
    await expect(page.locator("#details")).to_contain_text("CardDeclined: insufficient funds")
    await expect(page).to_have_url(f"{site}/trace/{CHECKOUT}?span=0000000000000014")
    await expect(page.locator("#announcer")).to_contain_text("Chosen: payment POST /charges 226 ms, error.")
    await expect(page.locator("#row-19")).to_have_attribute("aria-selected", "true")
    await expect(page.locator("[aria-selected=true]")).to_have_count(1)
    assert await page.evaluate("window.stays")


async def test_a_click_chooses_and_the_triangle_folds(page: Page) -> None:
    """The mouse can do what the keys can."""
    await page.goto(f"/trace/{CHECKOUT}")
    await page.locator("#row-4 .lane").click(force=True)
    await expect(page.locator("#details h2")).to_have_text("SELECT carts")
    await page.locator("#row-2 .twisty").click()
    await expect(page.locator("#row-4")).to_be_hidden()
    await page.locator("#row-2 .twisty").click()
    await expect(page.locator("#row-4")).to_be_visible()


async def test_one_tab_stop_for_the_whole_tree(page: Page) -> None:
    """Tab passes a tree of any size in one step."""
    await page.goto(f"/trace/{CHECKOUT}")
    await expect(page.locator("#tree .tree-body [tabindex='0']")).to_have_count(1)
    await page.locator("#splitter").focus()
    await press(page, "Tab")
    assert await active_row(page) == "0"
    await press(page, "Tab")
    assert await page.evaluate("document.activeElement.closest('#details') !== null")


async def test_the_tree_can_be_skipped_to(page: Page) -> None:
    """Two keys lead past the header and the facts, to the first span."""
    await page.goto(f"/trace/{CHECKOUT}")
    await press(page, "Tab Tab")
    await expect(page.get_by_role("link", name="Skip to the spans")).to_be_focused()
    await press(page, "Enter Tab")
    assert await active_row(page) == "0"


async def test_the_tree_holds_rows_alone(page: Page) -> None:
    """A table's rows hold cells, and every column has a name to read out."""
    await page.goto(f"/trace/{CHECKOUT}")
    await expect(page.locator("#tree [role=separator]")).to_have_count(0)
    await expect(page.locator("#splitter")).to_be_visible()
    await expect(page.get_by_role("columnheader", name="Time line")).to_have_count(1)


async def test_the_api_page_has_one_main(page: Page) -> None:
    """Swagger UI is a part of our page, not a page of its own."""
    description = {
        "openapi": "3.1.0",
        "info": {"title": "Spanloom", "version": "1"},
        "paths": {"/api/v1/services": {"get": {"summary": "All services", "responses": {}}}},
    }
    await page.route("**/openapi.json", lambda route: route.fulfill(json=description))
    await page.goto("/docs")
    await expect(page.locator(".opblock-summary-path")).to_be_visible()
    await expect(page.locator("main")).to_have_count(1)


async def test_levels_fold_the_whole_tree(page: Page) -> None:
    """One click shows the outline, another all of it."""
    await page.goto(f"/trace/{CHECKOUT}")
    await page.get_by_role("button", name="Show 2 levels").click()
    await expect(page.locator("#tree [data-row]:visible")).to_have_count(5)
    await page.get_by_role("button", name="Expand all").click()
    await expect(page.locator("#tree [data-row]:visible")).to_have_count(26)


async def test_the_tree_says_what_it_is(page: Page) -> None:
    """A screen reader hears levels, places and what can be unfolded."""
    await page.goto(f"/trace/{CHECKOUT}")
    row = page.get_by_role("treegrid").locator("#row-3")
    for name, value in (("level", "3"), ("posinset", "1"), ("setsize", "1"), ("expanded", "true")):
        await expect(row).to_have_attribute(f"aria-{name}", value)
    assert await page.locator("#row-4").get_attribute("aria-expanded") is None


async def test_a_choice_that_is_folded_away_passes_to_the_row_above(page: Page, site: str) -> None:
    """The panel is never about a span that the tree does not show; the focus stays on the button."""
    await page.goto(f"/trace/{CHECKOUT}?span=0000000000000014")
    button = page.get_by_role("button", name="Show 2 levels")
    await button.click()
    await expect(page.locator("#row-12")).to_have_attribute("aria-selected", "true")
    await expect(page).to_have_url(f"{site}/trace/{CHECKOUT}?span=000000000000000d")
    await expect(page.locator("#details h2")).to_have_text("POST")
    await expect(button).to_be_focused()


async def test_links_inside_of_the_trace_stay_on_the_page(page: Page) -> None:
    """Going to the parent from the panel moves the choice, and unfolds what hid it."""
    await page.goto(f"/trace/{CHECKOUT}?span=0000000000000014")
    await page.evaluate("window.stays = true")
    await page.locator("#row-12").focus()
    await press(page, "ArrowLeft")
    await expect(page.locator("#row-18")).to_be_hidden()
    await page.locator("#details [data-span-link='0000000000000013']").click()
    await expect(page.locator("#row-18")).to_be_focused()
    await expect(page.locator("#details h2")).to_have_text("POST")
    assert await page.evaluate("window.stays")


async def test_a_failing_panel_gives_the_whole_page(browser: Browser, site: str) -> None:
    """Where the details cannot be fetched, the page of the span is opened instead."""
    page = await browser.new_page(base_url=site)
    await page.goto(f"/trace/{CHECKOUT}")
    await page.route("**/span/*", lambda route: route.abort())
    await page.locator("#row-4").focus()
    async with page.expect_navigation():
        await press(page, "Enter")
    await expect(page.locator("#details h2")).to_have_text("SELECT carts")
    await page.close()


async def test_names_can_be_made_wider(page: Page) -> None:
    """The width of the names is the reader's, and remembered."""
    await page.goto(f"/trace/{CHECKOUT}")
    name = page.locator("#row-0 .name")
    before = await width_of(name)
    await page.locator("#splitter").focus()
    await press(page, "ArrowRight ArrowRight")
    after = await width_of(name)
    assert after == pytest.approx(before + 48, abs=2)
    await page.reload()
    assert await width_of(name) == pytest.approx(after, abs=1)


async def test_the_theme_is_the_readers(page: Page) -> None:
    """The button turns the page dark, and the next page is dark before it is drawn."""
    await page.goto("/search")
    toggle = page.get_by_role("button", name="Dark theme")
    await expect(toggle).to_have_attribute("aria-pressed", "false")
    await toggle.click()
    await expect(toggle).to_have_attribute("aria-pressed", "true")
    await page.goto(f"/trace/{CHECKOUT}")
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert await page.evaluate("document.querySelector('script').src.includes('theme.js')")


async def test_values_can_be_copied(page: Page) -> None:
    """One click takes the trace id along."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"/trace/{CHECKOUT}")
    await page.get_by_role("button", name="Copy the trace id").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == CHECKOUT


async def test_operations_follow_the_service(page: Page) -> None:
    """Choosing a service offers what it does."""
    await page.goto("/search")
    await expect(page.locator("#operations option")).to_have_count(0)
    await page.locator("#service").select_option("cart")
    await expect(page.locator("#operations option")).to_have_count(5)


async def test_a_custom_range_shows_its_fields(page: Page) -> None:
    """The fields of a range appear when a range is wanted."""
    await page.goto("/search")
    await expect(page.get_by_label("From (UTC)")).to_be_hidden()
    await page.get_by_label("Time").select_option("custom")
    for end in ("From (UTC)", "To (UTC)"):
        await expect(page.get_by_label(end)).not_to_have_value("")
    await page.get_by_label("To (UTC)").fill("")
    await page.get_by_label("From (UTC)").fill("2026-09-21T14:00:00")
    await page.get_by_role("button", name="Find traces").click()
    await expect(page.locator(".results-head")).to_contain_text("in the chosen range")
    await expect(page.get_by_label("From (UTC)")).to_have_value("2026-09-21T14:00")


async def test_the_box_in_the_header_opens_a_trace(page: Page, site: str) -> None:
    """An id from a log is pasted anywhere."""
    await page.goto("/search")
    await page.get_by_label("Trace id").fill(CHECKOUT)
    await press(page, "Enter")
    await expect(page).to_have_url(f"{site}/trace/{CHECKOUT}")


@pytest.mark.parametrize("width", [360, 390, 768, 1024, 2560])
@pytest.mark.parametrize(
    "path",
    [
        "/search?lookback=all",
        f"/trace/{CHECKOUT}?span=0000000000000014",
        f"/trace/{HOSTILE}?span=0000000000000003",
        "/nowhere",
    ],
)
async def test_no_page_scrolls_sideways(browser: Browser, site: str, path: str, width: int) -> None:
    """On a phone and on a wall everything is within the width."""
    page = await browser.new_page(viewport={"width": width, "height": 800}, base_url=site)
    await page.goto(path)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.close()


async def test_a_fresh_install_fits_a_phone(browser: Browser, empty_site: str) -> None:
    """The first page of all can be read anywhere."""
    page = await browser.new_page(viewport={"width": 360, "height": 800})
    await page.goto(empty_site)
    await expect(page.get_by_role("heading", name="No traces yet")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.close()


async def test_the_chosen_row_is_not_under_the_sheet(browser: Browser, site: str) -> None:
    """On a phone the details cover the lower half, and the chosen span stands in the upper one."""
    page = await browser.new_page(viewport={"width": 390, "height": 844}, base_url=site)
    await page.goto(f"/trace/{CHECKOUT}?span=000000000000001a")
    row, sheet = await page.locator("#row-25").bounding_box(), await page.locator("#details").bounding_box()
    assert row
    assert sheet
    assert row["y"] + row["height"] <= sheet["y"] + 1
    await page.get_by_role("link", name="Close the details").click()
    await expect(page.get_by_role("link", name="Close the details")).to_be_hidden()
    await page.close()


async def test_without_a_script_every_span_can_be_chosen(browser: Browser, site: str) -> None:
    """The pages need no JavaScript."""
    context = await browser.new_context(java_script_enabled=False, base_url=site)
    page = await context.new_page()
    await page.goto(f"/trace/{CHECKOUT}")
    await page.locator("#row-19 a").click()
    await expect(page.locator("#details h2")).to_have_text("POST /charges")
    await expect(page.get_by_role("button", name="Expand all")).to_be_hidden()
    await expect(page.locator(".toolbar")).to_be_hidden()
    await context.close()


async def test_two_thousand_rows_answer_at_once(page: Page) -> None:
    """A page full of spans folds and moves without waiting."""
    await page.goto(f"/trace/{HUGE}")
    await page.locator("#row-0").focus()
    took = await page.evaluate(
        """() => {
            const start = performance.now();
            for (const key of ["ArrowLeft", "ArrowRight", "End", "Home"]) {
                document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            }
            document.body.offsetHeight;
            return performance.now() - start;
        }"""
    )
    assert took < 1_000
    await page.locator("a[rel=next]").first.click()
    await expect(page.get_by_text("Rows 2,001\N{EN DASH}2,500 of 2,500").first).to_be_visible()


async def test_nothing_hostile_runs(page: Page) -> None:
    """Opening a hostile trace and all its spans runs nothing of it."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await page.goto(f"/trace/{HOSTILE}")
    for row in range(7):
        await page.locator(f"#row-{row}").focus()
        await press(page, "Enter")
        await expect(page.locator("#announcer")).to_contain_text("Chosen")
    assert dialogs == []
