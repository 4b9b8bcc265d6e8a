"""The operator's view in a real browser, on a small demo: the graph, a partitioned asset, a passed check.

Screenshots go to `.artifacts/ui/`, which git ignores. Without Chromium these tests are skipped, and say so.
"""

import os
import shutil
import signal
import subprocess
import sys

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from order_pipeline.cli.demo_world import free_port
from order_pipeline_tests.shared_demo import PROJECT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARTIFACTS = PROJECT / ".artifacts" / "ui"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE_MILLISECONDS = 60_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install it to run the browser tests"),
]


def heed_interrupts() -> None:
    """Where the tests run in the background SIGINT is ignored, and our process would ignore it too: it must end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def ui(demo):
    """The address of `order-pipeline ui` on the demo's data directory."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORDER_PIPELINE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "order_pipeline", "ui", "--port", str(port)],
        cwd=PROJECT,
        env={**environment, "ORDER_PIPELINE_DATA_DIR": str(demo), "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - this process has no threads yet
    )
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=9), timeout=120) as client:
            client.get(f"http://127.0.0.1:{port}/server_info").raise_for_status()
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def visit(browser, ui):
    """One visitor: what Dagster's page loaded is not loaded again."""
    with browser.new_context(viewport={"width": 1500, "height": 950}, base_url=ui) as context:
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        yield context


@pytest.fixture
def page(request, visit):
    """A fresh page; a screenshot is taken at the end of every test, whatever its end."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with visit.new_page() as opened:
        yield opened
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=ARTIFACTS / f"{request.node.name}.png")


@pytest.mark.costly
def test_the_home_page_shows_the_demos_runs(page):
    page.goto("/overview/activity/timeline")
    for job in ("kibo_job", "skroutz_job", "emission_job"):
        expect(page.get_by_text(job, exact=True).first).to_be_visible()


@pytest.mark.costly
def test_the_graph_is_a_map_of_the_road(page):
    page.goto("/asset-groups")
    for name in ("raw", "staging", "core", "marts", "floor"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()


@pytest.mark.costly
def test_a_partitioned_asset_shows_its_days_and_their_metadata(page):
    page.goto("/assets/core/kibo?view=partitions&partition=2026-01-13")
    expect(page.get_by_text("Materialized", exact=True).first).to_be_visible()
    for label in ("order_lines", "dagster/partition_row_count", "built in this run"):
        expect(page.get_by_text(label).first).to_be_visible()
    expect(page.get_by_text("build_kibo_core").first).to_be_visible()


@pytest.mark.costly
def test_an_asset_says_what_it_is_and_what_its_columns_mean(page):
    page.goto("/assets/core/kibo?view=overview")
    expect(page.get_by_text("the Kibo API has no invoices.").first).to_be_visible()
    expect(page.get_by_text("columns of core.orders").first).to_be_visible()


@pytest.mark.costly
def test_a_blocking_check_has_passed(page):
    page.goto("/assets/core/kibo?view=checks")
    page.get_by_text("orders_contract_holds").first.click()
    expect(page.get_by_text("blocking").first).to_be_visible()
    expect(page.get_by_text("Passed").first).to_be_visible()
    expect(page.get_by_text("repeated keys").first).to_be_visible()


@pytest.mark.costly
def test_the_picks_say_what_was_sent_and_what_is_held(page):
    page.goto("/assets/floor/picking_orders?view=overview")
    for label in ("sent now", "held by reason", "lines by state"):
        expect(page.get_by_text(label).first).to_be_visible()


@pytest.mark.costly
def test_a_mart_shows_its_rows_and_hides_names_and_addresses(page):
    page.goto("/assets/marts/pick_lines?view=overview")
    for label in ("hold_reason: none", "sample (*** is hidden)", "customer_name", "***"):
        expect(page.get_by_text(label).first).to_be_visible()


@pytest.mark.costly
def test_the_schedule_that_rereads_the_trailing_days_is_there_and_off(page):
    page.goto("/automation")
    expect(page.get_by_text("kibo_hourly").first).to_be_visible()
    expect(page.get_by_text("At 5 minutes past the hour").first).to_be_visible()


@pytest.mark.costly
def test_a_run_is_launched_from_the_page(page):
    page.goto("/locations/order_pipeline/jobs/views_job")
    page.get_by_role("button", name="Materialize all").first.click()
    expect(page.get_by_text("Launched run").first).to_be_visible()
