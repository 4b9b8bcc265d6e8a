"""Emission over real HTTP to the ScanOrders fake: what each answer makes of a line, and that nothing goes twice."""

import pytest

from order_pipeline.operations.leases import LeaseHeldError, acquire
from order_pipeline.picking.sending.emission import LEASE_NAME
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline_tests.picking.picks import emit_rows, line_of, order_rows, pick_row, states
from order_pipeline_tests.waiting import wait_until


def ledger(sandbox):
    return sandbox.channels["scanorders"].ledger()


def accepted_barcodes(sandbox):
    return [fulfilment["values"]["barcode"] for fulfilment in ledger(sandbox)["fulfilments"]]


def fault(kind, **more):
    return Fault(api="scanorders", route="* /api/1.1/wf/neworders", kind=kind, **more)


def test_every_pickable_line_is_accepted_once_and_a_second_run_sends_nothing(settings, store, sandbox):
    rows = order_rows(10)
    first = emit_rows(settings, store, rows, run_id="first", snapshot_id=41)
    second = emit_rows(settings, store, rows, run_id="second", snapshot_id=42)
    assert (first.sent, second.sent) == (20, 0)
    assert (ledger(sandbox)["accepted"], ledger(sandbox)["distinct_bodies"]) == (20, 20)
    assert set(states(store).values()) == {"sent"}


def test_the_dry_run_plans_and_sends_nothing(settings, store, sandbox):
    settings.scanorders.send = False
    report = emit_rows(settings, store, [*order_rows(2), pick_row(9, order="K9", barcode=None)], run_id="dry")
    assert (report.dry_run, report.sent, ledger(sandbox)["accepted"]) == (True, 0, 0)
    assert report.by_state == {"planned": 4, "held": 1}
    assert report.held_by_reason == {"missing_barcode": 1}


def test_only_orders_of_the_allow_list_are_sent(settings, store, sandbox):
    settings.scanorders.allowed_order_numbers = ["K0001"]
    report = emit_rows(settings, store, order_rows(3), run_id="r")
    assert report.sent == 2
    assert report.held_by_reason == {"not_on_allow_list": 4}


@pytest.mark.parametrize("envelope", ["documented", "bubble", "bare"])
def test_all_three_envelopes_are_read(settings, store, sandbox, envelope):
    sandbox.channels["scanorders"].configure(envelope=envelope, fulfilment_id="different")
    emit_rows(settings, store, [pick_row()], run_id="r")
    assert line_of(store, "kibo:acme:K1:1").fulfilment_id == ledger(sandbox)["fulfilments"][0]["fulfilment_id"]


DOUBTS = [
    ("accepted, reply dropped", fault("drop_after", nth=2), 1),
    ("dropped before any effect", fault("drop_before", nth=2), 0),
    ("500 before the effect", fault("status", status=500, nth=2), 0),
    ("500 after the effect", fault("status_after", status=500, nth=2), 1),
    ("half of the body", fault("cut_body", nth=2), 1),
    ("broken JSON", fault("truncated_json", nth=2), 1),
    ("HTML with status 200", fault("html", nth=2), 0),
    ("502 from a gateway", fault("status", status=502, nth=2), 0),
    ("503 without Retry-After", fault("status", status=503, nth=2), 0),
    ("408", fault("status", status=408, nth=2), 0),
    ("redirect", fault("status", status=302, nth=2), 0),
]


@pytest.mark.parametrize(("scripted", "effects"), [case[1:] for case in DOUBTS], ids=[case[0] for case in DOUBTS])
def test_without_a_definite_answer_the_line_is_in_doubt_and_never_sent_again(
    settings, store, sandbox, scripted, effects
):
    settings.scanorders.rate.max_in_flight = 1
    sandbox.faults.add(scripted)
    rows = order_rows(2)
    first = emit_rows(settings, store, rows, run_id="first")
    second = emit_rows(settings, store, rows, run_id="second")
    assert (first.sent, first.in_doubt, second.sent, second.in_doubt) == (3, 1, 0, 0)
    assert states(store)["kibo:acme:K0000:2"] == "in_doubt"
    assert len(accepted_barcodes(sandbox)) == len(set(accepted_barcodes(sandbox))) == 3 + effects


def test_a_time_out_after_the_effect_is_a_doubt(settings, store, sandbox):
    settings.scanorders.rate.read_timeout_seconds = 0.05
    sandbox.faults.add(fault("stall_after", seconds=600, nth=1))
    assert emit_rows(settings, store, [pick_row()], run_id="r").in_doubt == 1
    wait_until(lambda: len(accepted_barcodes(sandbox)) == 1)
    sandbox.faults.reset()


@pytest.mark.parametrize(
    "scripted",
    [fault("status", status=429, nth=[2, 3]), fault("status", status=503, retry_after="1", nth=[2, 3])],
    ids=["429", "503 with Retry-After"],
)
def test_later_pauses_the_batch_and_keeps_the_order_of_waves(settings, store, sandbox, scripted):
    settings.scanorders.rate.max_in_flight = 1
    sandbox.faults.add(scripted)
    report = emit_rows(settings, store, order_rows(3), run_id="r")
    assert (report.sent, report.put_back, report.pauses) == (6, 2, 2)
    assert accepted_barcodes(sandbox) == [row["barcode"] for row in order_rows(3)]


def test_a_host_that_never_gets_better_stops_the_run_with_the_lines_still_planned(settings, store, sandbox):
    sandbox.faults.add(fault("status", status=429))
    report = emit_rows(settings, store, order_rows(3), run_id="r")
    assert "lines stay planned" in report.stopped
    assert report.by_state == {"planned": 6}


def test_an_unreachable_host_leaves_every_line_planned(settings, store, sandbox):
    settings.scanorders.base_url = "http://127.0.0.1:9"
    report = emit_rows(settings, store, order_rows(3), run_id="r")
    assert report.by_state == {"planned": 6}
    assert "could not connect" in report.stopped


def test_many_doubts_in_a_row_stop_the_run_before_they_doubt_everything(settings, store, sandbox):
    settings.picking.stop_after_doubts = 3
    settings.scanorders.rate.max_in_flight = 1
    sandbox.faults.add(fault("drop_after"))
    report = emit_rows(settings, store, order_rows(10), run_id="r")
    assert report.by_state == {"in_doubt": 3, "planned": 17}
    assert "3 calls in a row" in report.stopped


def test_a_refused_line_is_rejected_with_the_text_that_names_the_parameter(settings, store, sandbox):
    settings.scanorders.order_date_format = "%d.%m.%Y"
    report = emit_rows(settings, store, [pick_row()], run_id="r")
    line = line_of(store, "kibo:acme:K1:1")
    assert (report.rejected, line.state.value, line.http_status) == (1, "rejected", 400)
    assert "orderdate" in (line.detail or "")


def test_a_refused_line_is_sent_again_only_when_its_data_changes(settings, store, sandbox):
    sandbox.faults.add(fault("status", status=400, body='{"body":{"status":"INVALID","message":"bad"}}', nth=1))
    emit_rows(settings, store, [pick_row()], run_id="refused")
    same = emit_rows(settings, store, [pick_row()], run_id="same")
    mended = emit_rows(settings, store, [pick_row(barcode="5299")], run_id="mended")
    assert (same.sent, same.rejected, mended.sent) == (0, 0, 1)


def test_when_the_first_line_is_refused_nothing_of_the_order_goes(settings, store, sandbox):
    sandbox.faults.add(fault("status", status=400, nth=1))
    report = emit_rows(settings, store, order_rows(1, lines_each=3), run_id="r")
    assert report.by_state == {"rejected": 1, "held": 2}
    assert (report.held_by_reason, report.open_tasks) == ({"order_refused": 2}, 0)


def test_an_order_refused_half_way_is_an_exception_that_says_what_is_on_the_floor(settings, store, sandbox):
    sandbox.faults.add(fault("status", status=400, nth=2))
    report = emit_rows(settings, store, order_rows(1, lines_each=3), run_id="r")
    assert report.by_state == {"sent": 1, "rejected": 1, "held": 1}
    assert report.open_tasks == 1
    again = emit_rows(settings, store, order_rows(1, lines_each=3), run_id="again")
    assert (again.sent, again.open_tasks) == (0, 1)


def test_an_ended_token_in_mid_batch_stops_cleanly_and_asks_for_a_login(settings, store, sandbox):
    settings.scanorders.rate.max_in_flight = 1
    sandbox.faults.add(fault("expire_token", nth=3))
    report = emit_rows(settings, store, order_rows(3), run_id="r")
    assert report.by_state == {"sent": 2, "planned": 4}
    assert "scanorders login" in report.stopped


def test_a_wrong_branch_stops_at_once_with_every_line_planned(settings, store, sandbox):
    settings.scanorders.branch = "no-such-branch"
    report = emit_rows(settings, store, order_rows(3), run_id="r")
    assert report.by_state == {"planned": 6}
    assert "base_url" in report.stopped


def test_a_second_emitter_is_refused_while_the_first_holds_the_lease(settings, store, sandbox):
    acquire(store, LEASE_NAME, "the first", 60)
    with pytest.raises(LeaseHeldError, match="the first"):
        emit_rows(settings, store, order_rows(1), run_id="r")
    assert ledger(sandbox)["accepted"] == 0


def test_no_reply_is_kept_with_the_token_or_the_customer_in_it(settings, store, sandbox):
    token = settings.scanorders.access_token.get_secret_value()
    body = f'{{"body":{{"status":"INVALID","message":"{token} refused for Ada Lovelace"}}}}'
    sandbox.faults.add(fault("status", status=400, body=body, nth=1))
    emit_rows(settings, store, [pick_row()], run_id="r")
    line = line_of(store, "kibo:acme:K1:1")
    assert "INVALID" in (line.reply or "")
    assert not any(secret in f"{line.reply}{line.detail}" for secret in (token, "Ada", "Lovelace"))
