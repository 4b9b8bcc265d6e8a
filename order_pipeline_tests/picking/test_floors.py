"""Two floors, each with an account of its own at the ScanOrders fake: each gets its own picks, and each pick once."""

import pytest
from pydantic import SecretStr

from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.destinations.scanorders_token import StoredToken, save_token
from order_pipeline.destinations.settings import FloorSettings
from order_pipeline.picking.operators import views
from order_pipeline.picking.operators.resolve import confirm, resolve, withdraw
from order_pipeline.picking.operators.resolve_waves import Seen, list_waves, resolve_wave
from order_pipeline.picking.sending.read_back import push_statuses, read_back
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline.settings import Settings
from order_pipeline_tests.picking.picks import MORNING, emit_rows, line_of, pick_row, states, without_floors

PICK = "kibo:acme:K1:1"
WORD = {"reason": "looked at the screen", "who": "Grace"}


@pytest.fixture
def settings(settings, sandbox):
    """`main` as ever, and `north` beside it."""
    token = sandbox.channels["scanorders"].issue_token(account="north")
    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        data_dir=settings.data_dir,
        scanorders=settings.scanorders,
        floors={"north": FloorSettings(access_token=token)},
        kibo=KiboSettings(locations={"110452": "main", "110453": "north"}),
    )


def rows_of(orders=6, lines_each=2):
    """Orders of which every second one lies at north."""
    return [
        pick_row(order * lines_each + line, order=f"K{order}", line=str(line), floor=("main", "north")[order % 2])
        for order in range(orders)
        for line in range(lines_each)
    ]


def screens(sandbox):
    """floor -> the barcodes on its screen."""
    ledger = sandbox.channels["scanorders"].ledger()
    ledgers = {"main": ledger, **ledger["accounts"]}
    return {floor: [each["values"]["barcode"] for each in of["fulfilments"]] for floor, of in ledgers.items()}


def barcodes(rows, floor):
    return sorted(row["barcode"] for row in rows if row["floor"] == floor)


def as_on_the_screens(rows):
    return {floor: barcodes(rows, floor) for floor in ("main", "north")}


def found(sandbox):
    return {floor: sorted(seen) for floor, seen in screens(sandbox).items()}


def open_tasks(store):
    return [(task["kind"], task["floor"], task["detail"]) for task in views.list_tasks(store)]


def test_each_floor_gets_its_own_picks_each_once(settings, store, sandbox):
    rows = rows_of()
    reports = [emit_rows(settings, store, rows, run_id=f"r{run}") for run in range(2)]
    assert [report.sent for report in reports] == [12, 0]
    assert found(sandbox) == as_on_the_screens(rows)


def test_a_floor_with_a_dead_token_stops_no_other(settings, store, sandbox):
    rows = [*rows_of(), pick_row(90, order="both", line="1", floor="north"), pick_row(91, order="both", line="2")]
    sandbox.channels["scanorders"].revoke_tokens_of("north")
    report = emit_rows(settings, store, rows, run_id="dead")
    assert found(sandbox) == as_on_the_screens(rows) | {"north": []}
    assert report.stopped.startswith("floor north: ")
    assert "order-pipeline scanorders login --floor north" in report.stopped
    assert views.check_queue(store, "north").unauthorised > 0
    assert views.check_queue(store, "main").planned == 0

    settings.floors["north"].access_token = None
    token = sandbox.channels["scanorders"].issue_token(account="north")
    save_token(settings, StoredToken(access_token=token, obtained_at=MORNING), "north")
    assert emit_rows(settings, store, rows, run_id="logged in").stopped == ""
    assert found(sandbox) == as_on_the_screens(rows)


def test_a_floor_without_a_login_waits_and_the_token_of_another_is_never_used(settings, store, sandbox):
    settings.floors["north"].access_token = None
    save_token(settings, StoredToken(access_token=sandbox.channels["scanorders"].issue_token(), obtained_at=MORNING))
    settings.scanorders.access_token = None
    report = emit_rows(settings, store, rows_of(), run_id="r")
    assert report.by_state == {"sent": 6, "planned": 6}
    assert screens(sandbox)["north"] == []


def test_a_floor_in_a_dry_run_plans_and_the_others_send(settings, store, sandbox):
    settings.floors["north"].send = False
    report = emit_rows(settings, store, rows_of(), run_id="r")
    assert (report.dry_run, report.floors_in_dry_run, report.stopped) == (False, ["north"], "")
    assert report.by_state == {"sent": 6, "planned": 6}


def test_the_allow_list_of_a_floor_is_its_own(settings, store, sandbox):
    settings.floors["north"].allowed_order_numbers = ["K1"]
    report = emit_rows(settings, store, rows_of(), run_id="r")
    assert (report.sent, report.held_by_reason) == (8, {"not_on_allow_list": 4})


@pytest.mark.parametrize("refused_at", ["main", "north"])
def test_a_line_refused_at_one_floor_holds_the_rest_of_its_order_at_the_other(settings, store, sandbox, refused_at):
    other = {"main": "north", "north": "main"}[refused_at]
    settings.scanorders.rate.max_in_flight = 1
    rows = [pick_row(0, line="1", floor=refused_at), pick_row(1, line="2", floor=other)]
    sandbox.faults.add(Fault(api="scanorders", route="* /api/1.1/wf/neworders", kind="status", status=400, nth=1))
    report = emit_rows(settings, store, rows, run_id="r")
    assert report.by_state == {"rejected": 1, "held": 1}
    assert found(sandbox) == {"main": [], "north": []}


def test_a_refused_line_that_moves_is_tried_at_its_new_floor(settings, store, sandbox):
    sandbox.faults.add(Fault(api="scanorders", route="* /api/1.1/wf/neworders", kind="status", status=400, nth=1))
    emit_rows(settings, store, [pick_row()], run_id="refused")
    emit_rows(settings, store, [pick_row(floor="north")], run_id="moved")
    assert found(sandbox) == as_on_the_screens([pick_row(floor="north")])


@pytest.mark.costly
def test_a_pick_that_moves_before_it_was_sent_goes_to_its_new_floor_alone(settings, store, sandbox):
    settings.floors["north"].send = False
    emit_rows(settings, store, [pick_row(floor="north")], run_id="planned")
    report = emit_rows(settings, store, [pick_row()], run_id="moved")
    assert (report.sent, line_of(store, PICK).floor) == (1, "main")
    assert found(sandbox) == as_on_the_screens([pick_row()])


def test_a_pick_that_moves_after_it_was_sent_is_a_task_and_never_sent_twice(settings, store, sandbox):
    emit_rows(settings, store, [pick_row()], run_id="sent")
    for run in range(2):
        assert emit_rows(settings, store, [pick_row(floor="north")], run_id=f"moved {run}").sent == 0
    assert open_tasks(store) == [("changed_after_send", "main", "floor: main -> north")]
    assert "add it at the floor north" in views.list_tasks(store)[0]["what_to_do"]

    confirm(store, PICK, **WORD)  # a person did it
    emit_rows(settings, store, [pick_row(floor="north")], run_id="confirmed")
    assert open_tasks(store) == []

    emit_rows(settings, store, [pick_row()], run_id="moved back")
    emit_rows(settings, store, [pick_row()], run_id="the same again")
    ((kind, floor, _),) = open_tasks(store)
    assert (kind, floor) == ("changed_after_send", "main")
    assert found(sandbox) == as_on_the_screens([pick_row()])


def test_a_move_that_is_taken_back_closes_its_task(settings, store, sandbox):
    for place, floor in enumerate(["main", "north", "main"]):
        emit_rows(settings, store, [pick_row(floor=floor)], run_id=f"r{place}")
    assert open_tasks(store) == []
    assert states(store) == {PICK: "sent"}


def test_a_pick_taken_off_one_floor_is_added_by_hand_at_the_other(settings, store, sandbox):
    emit_rows(settings, store, [pick_row()], run_id="sent")
    withdraw(store, PICK, **WORD)
    emit_rows(settings, store, [pick_row(floor="north")], run_id="moved")
    assert "by hand on the ScanOrders screen of the floor north" in views.list_tasks(store)[0]["what_to_do"]
    confirm(store, PICK, **WORD)
    emit_rows(settings, store, [pick_row(floor="north")], run_id="confirmed")
    assert open_tasks(store) == []
    assert found(sandbox) == as_on_the_screens([pick_row()])


def test_a_doubt_that_moves_is_resolved_by_a_person_and_then_sent_to_its_new_floor_once(settings, store, sandbox):
    sandbox.faults.add(Fault(api="scanorders", route="* /api/1.1/wf/neworders", kind="drop_before", nth=1))
    emit_rows(settings, store, [pick_row()], run_id="doubt")
    assert emit_rows(settings, store, [pick_row(floor="north")], run_id="moved").sent == 0
    assert open_tasks(store) == [("changed_in_doubt", "main", "floor: main -> north")]
    resolve(store, PICK, "not_sent", **WORD)
    emit_rows(settings, store, [pick_row(floor="north")], run_id="resolved")
    assert found(sandbox) == as_on_the_screens([pick_row(floor="north")])


def test_a_wave_in_doubt_is_answered_screen_by_screen(settings, store, sandbox):
    sandbox.faults.add(Fault(api="scanorders", route="* /api/1.1/wf/neworders", kind="drop_after"))
    rows = rows_of(2, 1)
    emit_rows(settings, store, rows, run_id="doubts")
    assert [(wave["floor"], wave["lines"]) for wave in list_waves(store)] == [("main", 1), ("north", 1)]
    with pytest.raises(ValueError, match="doubts at main, north: say whose screen"):
        resolve_wave(store, 1, Seen(orders={"K0"}), **WORD)
    assert resolve_wave(store, 1, Seen(orders={"K0"}), floor="main", **WORD).sent == 1
    assert states(store) == {"kibo:acme:K0:0": "resolved_sent", "kibo:acme:K1:0": "in_doubt"}


def test_every_line_is_read_back_from_the_account_that_got_it(settings, store, sandbox):
    rows = rows_of(2, 1)
    emit_rows(settings, store, rows, run_id="sent")
    report = read_back(settings, store, run_id="back")
    assert (report.read, report.matched, report.failed) == (2, 2, 0)

    sandbox.channels["scanorders"].revoke_tokens_of("north")
    report = read_back(settings, store, run_id="one is dead")
    assert (report.matched, report.failed) == (1, 1)


def test_a_status_is_pushed_where_the_floor_s_policy_says_so(settings, store, sandbox):
    settings.floors["north"].push_statuses = {"shipped": "Picked"}
    rows = rows_of(2, 1)
    emit_rows(settings, store, rows, run_id="sent")
    read_back(settings, store, run_id="back")
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE pick_outbox SET upstream_status = 'shipped'")
    assert push_statuses(settings, store, run_id="push").pushed == 1
    accounts = sandbox.channels["scanorders"].accounts
    pushed = {floor: accounts[floor]["live"].find(7_600_001).status for floor in accounts}
    assert pushed == {"main": "In Progress", "north": "Picked"}


def test_two_floors_never_have_one_token(settings):
    token = SecretStr("one-token")
    values = settings.model_dump()
    values["scanorders"]["access_token"] = values["floors"]["north"]["access_token"] = token
    with pytest.raises(ValueError, match="two floors have one access_token"):
        Settings.model_validate(values)


def test_an_outbox_of_before_there_were_floors_goes_on_with_its_lines_at_the_one_floor(settings, store, sandbox):
    emit_rows(settings, store, [pick_row()], run_id="before")
    without_floors(store)
    store.create_all()
    report = emit_rows(settings, store, [pick_row(), pick_row(1, line="2")], run_id="after")
    assert (report.sent, report.open_tasks, line_of(store, PICK).floor) == (1, 0, "main")
