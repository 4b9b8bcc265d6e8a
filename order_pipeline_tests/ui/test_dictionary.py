"""The dictionary is a page behind the gate of the UI; the desk leads to it."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from order_pipeline.settings import Settings
from order_pipeline.ui.webserver import behind_gate
from order_pipeline.ui_settings import UiSettings

TOKEN = "a token of forty letters and more, at least"


def client_of(**ui) -> TestClient:
    app = behind_gate(PlainTextResponse("dagster"), Settings(ui=UiSettings(**ui)), "127.0.0.1")
    return TestClient(app, "http://127.0.0.1:3000", client=("127.0.0.1", 5000), follow_redirects=False)


@pytest.mark.costly
def test_the_page_is_shown_and_asks_for_nothing_else():
    client = client_of()
    shown = client.get("/dictionary")
    assert shown.status_code == 200
    assert "core.orders" in shown.text
    assert "default-src &#39;none&#39;" in shown.text
    assert shown.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert client.get("/dictionary/other").text == "dagster"


def test_without_a_login_there_is_no_page():
    refused = client_of(token=TOKEN).get("/dictionary")
    assert refused.status_code == 401
    assert "core.orders" not in refused.text
