"""The page in a real browser: on a phone and on a screen, by keyboard. Screenshots go to `.artifacts/ui/`."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect, sync_playwright

from order_pipeline.dictionary.page import dictionary_page
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.ui.test_ui import ARTIFACTS, CHROMIUM, FLAGS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install it to run the browser tests"),
]
WIDTHS = {"phone": 390, "screen": 1280}


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page as a file, as the command writes it."""
    file = tmp_path_factory.mktemp("dictionary") / "dictionary.html"
    file.write_text(dictionary_page(SqlProject()), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def opened(browser, address):
    """Opens the page; what it asked the network for, and what the browser complained of, must stay empty."""
    said = []

    def show(width=1280, scheme="light", at=""):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.on("request", lambda asked: said.append(asked.url) if not asked.url.startswith(address) else None)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address + at)
        return page

    yield show
    assert said == []


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("phone", "light"),
        ("screen", "dark"),
        pytest.param("phone", "dark", marks=pytest.mark.slow),
        pytest.param("screen", "light", marks=pytest.mark.slow),
    ],
)
def test_the_page_fits_its_width_and_asks_nobody(opened, name, scheme):
    page = opened(WIDTHS[name], scheme, "#core.order_lines")
    expect(page.locator("[id='core.order_lines']")).to_have_attribute("open", "")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[name]
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"dictionary-{name}-{scheme}.png")
    page.close()


@pytest.mark.costly
def test_no_part_of_an_opened_page_is_wider_than_a_phone(opened):
    page = opened(390)
    page.evaluate("document.querySelectorAll('details').forEach((box) => { box.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


@pytest.mark.costly
def test_a_field_of_a_channel_is_found_by_keyboard_alone(opened):
    page = opened()
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "query"
    page.keyboard.type("ship_by dispatch_until")
    expect(page.get_by_role("status")).to_have_text("1 tables, 1 columns")
    expect(page.locator("[id='core.orders'] tbody tr:visible")).to_have_count(1)
    page.close()


@pytest.mark.costly
def test_personal_data_alone_can_be_shown(opened):
    page = opened(390)
    page.get_by_label("Personal data only").check()
    page.locator("[id='core.orders'] > summary").click()
    expect(page.locator("[id='core.orders'] tr[data-personal]").first).to_be_visible()
    expect(page.locator("[id='core.orders'] tbody tr:not([data-personal]):visible")).to_have_count(0)
    expect(page.locator("[id='core.builds']")).to_be_hidden()
    page.close()


@pytest.mark.costly
def test_a_link_of_the_lineage_opens_the_table_it_names(opened):
    page = opened(at="#marts.order_status")
    page.locator("[id='marts.order_status'] a[href='#core.orders']").click()
    expect(page.locator("[id='core.orders']")).to_have_attribute("open", "")
    assert page.evaluate("document.activeElement.closest('details').id") == "core.orders"
    page.close()
