"""The desk: what waits, an order's story, and a person's words, behind the doors of the UI."""

import shutil
from contextlib import closing

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from order_pipeline.operations.store import open_store
from order_pipeline.picking.operators.views import list_tasks, show
from order_pipeline.recovery.stores import look, record_stores
from order_pipeline.settings import Settings
from order_pipeline.ui.webserver import behind_gate
from order_pipeline.ui_settings import UiSettings
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline_tests.ui.conftest import OWN
from order_pipeline_tests.ui.desk_world import DOUBT, HELD, HOSTILE, NAME, make_world

WORD = {"action": "not_sent", "subject": DOUBT, "reason": "not on the screen", "who": "Eleni"}
EDITOR, VIEWER = "e" * 32, "v" * 32


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """One world for all tests that change nothing."""
    return make_world(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def own_settings(settings, tmp_path):
    """A copy of the world, to be changed."""
    shutil.copytree(settings.data_dir, tmp_path, dirs_exist_ok=True)
    return settings.model_copy(update={"data_dir": tmp_path})


@pytest.fixture
def browse(settings):
    return browsing(settings)


def browsing(settings):
    """Makes a client of the desk with these settings of the UI."""

    def make(**ui):
        with_doors = settings.model_copy(update={"ui": UiSettings(**ui)})
        app = behind_gate(PlainTextResponse("dagster"), with_doors, "127.0.0.1")
        return TestClient(app, "http://127.0.0.1:3000", False, client=("127.0.0.1", 5000), follow_redirects=False)

    return make


def act(client, headers=OWN, **changes):
    return client.post("/desk/actions", json=WORD | changes, headers=headers)


def actors(settings, pick):
    with open_store(settings.resolved_operations_url) as store:
        return [event["actor"] for event in show(store, pick)[0].events]


def test_the_desk_shows_all_that_waits_and_nothing_personal(browse):
    page = browse().get("/desk").text
    assert all(each in page for each in (DOUBT, "no barcode", "partly sent order", "the-key", "bad number"))
    assert NAME not in page


def test_what_a_record_says_is_text_and_no_markup(browse):
    page = browse().get("/desk").text
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_stores_that_do_not_belong_together_are_told_and_nothing_is_changed(own_settings):
    with open_store(own_settings.resolved_operations_url) as store, closing(Lake(own_settings)) as lake:
        record_stores(own_settings, store, lake, look(own_settings, store, lake))
    for file in own_settings.data_dir.glob("operations.sqlite*"):
        file.unlink()
    answer = act(browsing(own_settings)(), action="close_reject", subject="the-key", source="kibo")
    assert answer.status_code == 503
    assert "does not belong to the other stores" in answer.json()["detail"]


def test_dagster_is_where_it_was(browse):
    assert browse().get("/").text == "dagster"
    assert browse().get("/desktop").text == "dagster"


@pytest.mark.parametrize("number", ["K1", DOUBT])
def test_an_order_is_found_and_its_story_told(browse, number):
    page = browse().get("/desk", params={"number": number}).text
    assert "In doubt since" in page
    assert "It is not on the screen" in page


@pytest.mark.parametrize(
    "number", [HOSTILE, *(pytest.param(each, marks=pytest.mark.slow) for each in ("nope", "%00", "x" * 5000))]
)
def test_an_unknown_number_is_answered_with_what_is_proved(browse, number):
    answer = browse().get("/desk", params={"number": number})
    assert (answer.status_code, "No channel has delivered" in answer.text) == (200, True)
    assert HOSTILE not in answer.text


def test_a_doubt_is_resolved_with_who_and_why(own_settings):
    assert act(browsing(own_settings)()).json()["said"].startswith(f"{DOUBT}: resolved_not_sent")
    assert actors(own_settings, DOUBT)[-1] == "Eleni"


def test_a_task_and_a_reject_are_closed(own_settings):
    client = browsing(own_settings)()
    assert act(client, action="close_task", subject="1").status_code == 200
    with open_store(own_settings.resolved_operations_url) as store:
        assert list_tasks(store) == []
    assert act(client, action="close_reject", subject="the-key", source="kibo").status_code == 200
    assert "the-key" not in client.get("/desk").text
    lake = Lake(own_settings)
    assert lake.query("SELECT closed_reason FROM quarantine.rejects").rows == [("not on the screen (Eleni)",)]
    lake.close()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"reason": " "}, 422),
        ({"who": ""}, 422),
        ({"action": "delete_everything"}, 422),
        ({"subject": "nobody"}, 409),
        ({"action": "withdraw", "subject": HELD}, 409),
        ({"action": "close_task", "subject": "9"}, 409),
        ({"action": "close_task", "subject": "one"}, 409),
        ({"action": "close_reject", "subject": "no-such-key"}, 409),
        ({"reason": "x" * 20_000}, 413),
    ],
    ids=str,
)
def test_what_cannot_be_done_changes_nothing_and_says_so(browse, settings, changes, status):
    before = actors(settings, DOUBT)
    answer = act(browse(), **changes)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert actors(settings, DOUBT) == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
        ({}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),
        (OWN | {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
    ids=str,
)
def test_the_desk_is_behind_the_doors_of_the_ui(browse, settings, headers, status):
    before = actors(settings, DOUBT)
    assert act(browse(), headers).status_code == status
    assert actors(settings, DOUBT) == before


def test_nothing_is_changed_by_get(browse):
    assert browse().get("/desk/actions", params=WORD, headers=OWN).status_code == 405


def test_without_a_login_there_is_no_desk_where_there_are_logins(browse):
    client = browse(token=EDITOR)
    assert client.get("/desk").status_code == 401
    assert act(client).status_code == 401
    assert client.get("/desk", headers={"Authorization": f"Bearer {EDITOR}"}).status_code == 200


def test_a_viewer_looks_and_has_no_buttons(browse, settings):
    viewer = OWN | {"Authorization": f"Bearer {VIEWER}"}
    client = browse(token=EDITOR, viewer_token=VIEWER)
    page = client.get("/desk", headers=viewer).text
    assert (DOUBT in page, "data-action" in page) == (True, False)
    assert act(client, viewer).status_code == 403
    assert act(browse(read_only=True)).status_code == 403


def test_the_desk_says_what_its_page_may_load(browse):
    policy = browse().get("/desk").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_before_the_first_run_the_desk_is_empty_and_makes_no_store(tmp_path):
    empty = Settings(_env_file=None, data_dir=tmp_path / "new")  # pyright: ignore[reportCallIssue]
    app = behind_gate(PlainTextResponse("dagster"), empty, "127.0.0.1")
    client = TestClient(app, "http://127.0.0.1:3000", client=("127.0.0.1", 5000))
    assert client.get("/desk").status_code == 200
    assert not (tmp_path / "new" / "operations.sqlite").exists()
