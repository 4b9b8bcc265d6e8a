"""The commands for people: why is this order not picked, what broke a rule, what is in doubt."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from typer.core import TyperGroup

from order_pipeline.cli.main import COMMANDS
from order_pipeline.story.answer import answer
from order_pipeline_tests.shared_demo import PROJECT, run_command


def rows(command, query):
    return json.loads(command("sql", query, "--format", "json").stdout)


@pytest.mark.costly
def test_trace_shows_a_sent_order_from_the_bytes_to_the_floor(command):
    number = rows(command, "select order_number from ops.pick_outbox where state = 'sent' and source = 'kibo' limit 1")
    traced = json.loads(command("trace", number[0]["order_number"], "--json").stdout)
    assert len(traced) == 1
    assert traced[0]["verdict"].startswith("On the floor since")
    assert traced[0]["raw_versions"][0]["resource"] == "kibo_orders"
    assert traced[0]["core"]["orders"][0]["order_number"] == number[0]["order_number"]
    assert {line["state"] for line in traced[0]["outbox"]} == {"sent"}
    assert [event["to_state"] for event in traced[0]["events"]][-1] == "sent"


@pytest.mark.costly
def test_trace_says_why_a_held_order_is_held(command):
    held = rows(command, "select order_id, reason from ops.pick_outbox where state = 'held' limit 1")[0]
    done = command("trace", held["order_id"])
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].startswith("Held since")
    assert held["reason"] in done.stdout


@pytest.mark.costly
def test_trace_holds_no_personal_data(command):
    order = rows(command, "select order_id, ship_to_name from core.orders where ship_to_name is not null limit 1")[0]
    assert order["ship_to_name"] not in command("trace", order["order_id"], "--json").stdout


def test_trace_of_an_unknown_order_says_so(command):
    done = command("trace", "no-such-order")
    assert done.returncode == 1
    assert "No channel has delivered" in done.stderr


def test_closing_a_reject_that_is_not_there_says_so(command):
    done = command("quarantine", "close", "no-such-key", "--reason", "seen")
    assert done.returncode == 1
    assert "No open reject has the key" in done.stderr
    assert command("quarantine", "close", "no-such-key", "--reason", " ").returncode == 2


@pytest.mark.costly
def test_doctor_says_how_many_rejects_are_open(command):
    still_open = rows(command, "select count(*) as n from quarantine.rejects where resolved_at is null")[0]["n"]
    found = json.loads(command("doctor", "--no-online", "--format", "json").stdout)
    (quarantine,) = [each for each in found if each["what"] == "quarantine"]
    assert (quarantine["state"] == "waits") == bool(still_open)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "Quarantined because its order row broke a rule (bad_number on quantity)"),
        ({"orders": True, "outbox": [("sent", None), ("sent", None)]}, "On the floor since"),
        ({"orders": True, "outbox": [("held", "no_barcode")]}, "add it to item_locations.csv (1 line, no_barcode)"),
        ({"orders": True, "picks": [None]}, "To be picked and not planned yet"),
        ({"orders": True, "picks": ["fraud_locked"]}, "(1 line, fraud_locked; not in the outbox yet)"),
        ({"orders": True, "rejects": True}, "Quarantined because rows of it broke a rule (bad_number on quantity)"),
        ({"orders": True}, "Not to be picked: its status is shipped (Completely Shipped at kibo)"),
    ],
)
def test_the_answer_is_one_sentence_for_every_case(facts, words):
    rejects = [{"rule": "bad_number", "field": "quantity", "value": "two", "resolved_at": None}]
    order = {"order_status": "shipped", "source_status": "Completely Shipped"}
    line = {"pick_id": "p", "detail": None, "updated_at": datetime(2026, 1, 15, tzinfo=UTC)}
    told = answer(
        {
            "source": "kibo",
            "is_picked": True,
            "core": {"orders": [order]} if facts.get("orders") else {},
            "quarantine": rejects if facts.get("rejects") or not facts else [],
            "pick_lines": [{"hold_reason": reason, "hold_detail": None} for reason in facts.get("picks", [])],
            "elsewhere": [],
            "without_picks": [],
            "events": [],
            "outbox": [line | {"state": state, "reason": reason} for state, reason in facts.get("outbox", [])],
        }
    )
    assert words in told.sentence


def test_quarantine_lists_rule_field_and_value(command):
    found = json.loads(command("quarantine", "list", "--all", "--format", "json").stdout)
    assert all({"rule", "field", "value", "raw_record_id"} <= set(each) for each in found)


def test_the_outbox_lists_by_state_without_payloads(command):
    listed = json.loads(command("outbox", "list", "--state", "held", "--format", "json").stdout)
    assert listed
    assert {each["state"] for each in listed} == {"held"}
    assert all("payload" not in each for each in listed)


def test_an_unknown_state_is_wrong_usage(command):
    done = command("outbox", "list", "--state", "lost")
    assert done.returncode == 2
    assert "in_doubt" in done.stderr


def test_a_settled_line_cannot_be_resolved(command):
    sent = rows(command, "select pick_id from ops.pick_outbox where state = 'sent' limit 1")[0]["pick_id"]
    done = command("outbox", "resolve", sent, "--not-sent", "--reason", "a test", "--who", "nobody")
    assert done.returncode == 1
    assert "Nothing was changed" in done.stderr


def test_show_tells_the_whole_story_and_the_payload_only_when_asked(command):
    line = rows(command, "select pick_id, payload from ops.pick_outbox where state = 'sent' limit 1")[0]
    name = json.loads(line["payload"])["customername"]
    assert name not in command("outbox", "show", line["pick_id"]).stdout
    assert name in command("outbox", "show", line["pick_id"], "--payload").stdout


def test_doctor_names_what_is_missing_and_never_a_secret(tmp_path):
    done = run_command(
        tmp_path, "doctor", "--no-online", "--format", "json", ORDER_PIPELINE_KIBO__API_KEY="a-very-secret-key"
    )
    findings = {each["what"]: each for each in json.loads(done.stdout)}
    assert done.returncode == 1
    assert findings["kibo"]["state"] == "missing"
    assert "ORDER_PIPELINE_KIBO__API_SECRET" in findings["kibo"]["detail"]
    assert "ORDER_PIPELINE_KIBO__API_KEY" not in findings["kibo"]["detail"]
    assert "a-very-secret-key" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [], "doctor changes nothing"


def test_a_wrong_setting_is_named_without_its_value(tmp_path):
    done = run_command(tmp_path, "doctor", ORDER_PIPELINE_KIBO__PER_PAGE="five-secret-hundred")
    assert done.returncode == 2
    assert "kibo.per_page" in done.stderr
    assert "five-secret-hundred" not in done.stderr


def paths(group, above=()):
    """Every command and group of the tree, as it is typed."""
    for name, command in group.commands.items():
        yield [*above, name]
        yield from paths(command, (*above, name)) if isinstance(command, TyperGroup) else ()


@pytest.mark.parametrize("arguments", [[], *paths(COMMANDS)], ids=" ".join)
def test_every_command_explains_itself(tmp_path, arguments):
    shown = run_command(tmp_path, *arguments, "--help")
    assert shown.returncode == 0
    assert len(shown.stdout) > 200


def test_a_mistyped_command_is_answered_with_the_nearest(tmp_path):
    done = run_command(tmp_path, "outbox", "lists")
    assert done.returncode == 2
    assert "Did you mean 'list'?" in done.stderr


HEAVY = ("dagster", "duckdb", "pandas", "pyarrow", "sqlalchemy", "httpx", "order_pipeline.channels.channel")


def test_help_imports_nothing_that_takes_seconds():
    code = f"import sys; from order_pipeline.cli.main import COMMANDS; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "shopify"], "There is no channel"),
        (["--from", "2020-01-01"], "are not within"),
        (["--from", "2026-02-02", "--to", "2026-02-01"], "are not within"),
    ],
)
def test_run_refuses_what_cannot_be_run(tmp_path, arguments, words):
    done = run_command(tmp_path, "run", *arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_run_bears_the_command_as_it_was_typed_but_for_its_days(tmp_path, monkeypatch):
    said = []

    def note_command(*_, command, **__):
        said.append(command)
        raise SystemExit(0)

    monkeypatch.setattr("order_pipeline.cli.run.materialise", note_command)
    run_command(tmp_path, "run", "--source", "scansource", "--only", "invoices", "--no-emit", "--from", "2026-01-02")
    run_command(tmp_path, "run")
    assert said == ["order-pipeline run --source scansource --only invoices --no-emit", "order-pipeline run"]
