"""A page of another site in a real browser gives orders to the UI: Dagster's own server takes them, ours does not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster_webserver.webserver import DagsterWebserver
from playwright.sync_api import sync_playwright
from starlette.responses import HTMLResponse

from order_pipeline.cli.demo_world import free_port
from order_pipeline.settings import Settings
from order_pipeline.ui.webserver import behind_gate
from order_pipeline_tests.ui.test_ui import CHROMIUM, FLAGS
from order_pipeline_tests.waiting import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install it to run the browser tests"),
]

NAMES = "--host-resolver-rules=MAP *.example 127.0.0.1"

OWN_FETCH = """async query => await fetch("/graphql", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({query})
}).then(() => 1, () => 0)"""
PAGE = Path(__file__).with_name("foreign_page.html").read_text(encoding="utf-8")


@contextmanager
def served(app) -> Iterator[int]:
    """The port of an application on loopback, until the end of the block."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield port
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def foreign_page(ui_port: int, host: str):
    """A browser that shows the attacking page of another site, which calls the UI by this host name."""
    page = HTMLResponse(f"<script>const UI = 'http://{host}:{ui_port}'</script>{PAGE}")
    with served(page) as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, NAMES])
        opened = browser.new_page()
        opened.goto(f"http://evil.example:{port}/")
        yield opened
        browser.close()


def attacked(app, limits, host="127.0.0.1"):
    """Which attacks of a foreign page were carried out."""
    with served(app) as port, foreign_page(port, host) as page:
        page.evaluate("attackAll()")
        rebound(page, port)
    return limits()


def rebound(page, port):
    """DNS rebinding: the foreign name leads to the UI's own port, so that its page is of the same origin."""
    page.goto(f"http://rebound.example:{port}/server_info")
    page.evaluate(OWN_FETCH, 'mutation { setConcurrencyLimit(concurrencyKey: "rebinding", limit: 1) }')
    page.goto(f"http://rebound.example:{port}/graphql?query={quote('{version}')}")


@pytest.mark.slow
def test_dagsters_own_webserver_takes_orders_from_any_page(workspace, limits):
    with WorkspaceProcessContext(workspace.instance, None) as unguarded:
        done = attacked(DagsterWebserver(unguarded).create_asgi_app(), limits)
    assert {"image", "script", "fetch_text", "fetch_typed", "beacon", "form", "form_multipart", "rebinding"} <= done


@pytest.mark.costly
@pytest.mark.parametrize(
    "host", ["127.0.0.1", *(pytest.param(name, marks=pytest.mark.slow) for name in ("localhost", "ui.example"))]
)
def test_ours_takes_none(dagster_ui, limits, host):
    settings = Settings(ui={"allowed_hosts": ["ui.example"]})
    assert attacked(behind_gate(dagster_ui, settings, "127.0.0.1"), limits, host) == set()


@pytest.mark.slow
def test_our_own_page_in_the_same_browser_changes_what_it_wants(dagster_ui, limits):
    app = behind_gate(dagster_ui, Settings(), "127.0.0.1")
    with served(app) as port, foreign_page(port, "127.0.0.1") as page:
        page.goto(f"http://localhost:{port}/server_info")
        page.evaluate(OWN_FETCH, 'mutation { setConcurrencyLimit(concurrencyKey: "own page", limit: 1) }')
    assert limits() == {"own page"}
