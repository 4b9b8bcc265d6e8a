"""The desk in a real browser: by keyboard alone, on a phone and on a screen. Screenshots go to `.artifacts/ui/`."""

import pytest
from playwright.sync_api import expect, sync_playwright
from starlette.responses import PlainTextResponse

from order_pipeline.operations.store import open_store
from order_pipeline.picking.operators.views import show
from order_pipeline.ui.webserver import behind_gate
from order_pipeline_tests.ui.desk_world import DOUBT, make_world
from order_pipeline_tests.ui.test_foreign_page import served
from order_pipeline_tests.ui.test_ui import ARTIFACTS, CHROMIUM, FLAGS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install it to run the browser tests"),
]
WIDTHS = {"phone": 390, "screen": 1280}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def browser(settings):
    """A browser, and the address of the desk."""
    app = behind_gate(PlainTextResponse("dagster"), settings, "127.0.0.1")
    with served(app) as port, sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield lambda **options: opened.new_page(base_url=f"http://127.0.0.1:{port}", **options)
        opened.close()


@pytest.mark.costly
@pytest.mark.parametrize("name", WIDTHS)
@pytest.mark.parametrize(
    "path", ["/desk", "/desk?number=K1", pytest.param("/desk?number=nope", marks=pytest.mark.slow)]
)
def test_the_desk_fits_its_width(browser, name, path):
    page = browser(viewport={"width": WIDTHS[name], "height": 800})
    page.goto(path)
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[name]
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"desk-{name}-{path.partition('=')[2] or 'waiting'}.png", full_page=True)
    page.close()


def press_until(page, is_there):
    """Tab on until the focus is there; how often it took."""
    for presses in range(60):
        if page.evaluate(f"(() => {{ const at = document.activeElement; return {is_there}; }})()"):
            return presses
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to: {is_there}")


@pytest.mark.costly
def test_a_doubt_is_found_and_resolved_by_keyboard_alone(browser, settings):
    page = browser(viewport={"width": 390, "height": 800})
    page.goto("/desk")
    assert press_until(page, "at.id === 'number'") == 0, "the search has the focus"
    page.keyboard.type("K1")
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("In doubt since")
    press_until(page, "at.tagName === 'SUMMARY' && at.textContent.startsWith('It is not on the screen')")
    page.keyboard.press("Enter")
    press_until(page, "at.name === 'reason'")
    page.keyboard.type("not on the screen")
    page.keyboard.press("Tab")
    page.keyboard.type("Eleni")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("resolved_not_sent")
    with open_store(settings.resolved_operations_url) as store:
        assert show(store, DOUBT)[0].events[-1]["actor"] == "Eleni"
    page.goto("/desk")
    assert page.evaluate("localStorage.getItem('order_pipeline_who')") == "Eleni"
    page.close()
