"""The report in a real browser: on a phone and on a screen, by keyboard. Screenshots go to `.artifacts/ui/`."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect, sync_playwright

from order_pipeline.report.page import report_page
from order_pipeline_tests.report.marts import lake_with_marts
from order_pipeline_tests.report.test_figures import report_of
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
    with pytest.MonkeyPatch.context() as patch, lake_with_marts() as connection:
        page = report_page(report_of(connection, patch))
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page, encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def opened(browser, address):
    """Opens the page; what it asked the network for, and what the browser complained of, must stay empty."""
    said = []

    def show(width=1280, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.on("request", lambda asked: said.append(asked.url) if not asked.url.startswith(address) else None)
        page.on("console", lambda message: said.append(message.text))
        page.goto(address)
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
def test_the_report_fits_its_width_and_asks_nobody(opened, name, scheme):
    page = opened(WIDTHS[name], scheme)
    expect(page.get_by_role("img").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[name]
    widest = page.evaluate("Math.max(...[...document.querySelectorAll('figure svg')].map((each) => each.clientWidth))")
    assert widest <= WIDTHS[name]
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"report-{name}-{scheme}.png", full_page=True)
    page.close()


@pytest.mark.costly
def test_text_of_drawings_takes_the_colours_of_the_scheme(opened):
    fills = {}
    for scheme in ("light", "dark"):
        page = opened(scheme=scheme)
        fills[scheme] = page.evaluate("getComputedStyle(document.querySelector('.axis text')).fill")
        page.close()
    assert fills["light"] != fills["dark"]


@pytest.mark.costly
def test_every_table_and_query_is_reached_by_keyboard(opened):
    page = opened(390)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.tagName")
        )
    assert {"Table: Margin", "Table: Orders by day and channel", "SUMMARY", "A"} <= reached
    page.close()
