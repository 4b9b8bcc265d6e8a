"""What people read fits 80 columns, whatever the records hold; programs get it whole."""

import csv
import io
import json

import pytest
from rich.cells import cell_len

from order_pipeline.cli import tables
from order_pipeline.cli.output import Format, print_rows

LONG_ID = "skroutz:ένα-μακρύ-όνομα-λογαριασμού:" + "260115-1234567" * 4
REASON = "Δεν υπάρχει θέση για το είδος, και κανείς δεν ξέρει. " * 20  # noqa: RUF001 - Greek
HOSTILE = {"text": REASON, "id": LONG_ID, "wide": "美咲" * 60, "control": "\x1b[31m\u202e" * 20, "unbroken": "x" * 300}
PLACES = [
    ["doctor", "--no-online"],
    ["quarantine", "list", "--all"],
    ["outbox", "list"],
    ["outbox", "list", "--state", "held"],
    ["outbox", "tasks", "--all"],
    ["outbox", "waves"],
    ["outbox", "preview"],
    ["alerts", "list", "--all"],
    ["stores", "show"],
    ["locations", "check"],
    ["sql", "select * from core.orders"],
    ["sql", "select order_id, order_status from core.orders"],
]


def widest(text):
    return max(cell_len(line) for line in text.splitlines())


@pytest.mark.parametrize("arguments", PLACES, ids=" ".join)
def test_every_listing_fits_eighty_columns(command, arguments):
    done = command(*arguments)
    assert widest(done.stdout) <= 80


@pytest.mark.costly
def test_trace_and_show_fit_eighty_columns_and_wrap_the_verdict(command):
    held = json.loads(command("sql", "from ops.pick_outbox where state = 'held' limit 1", "--format", "json").stdout)[0]
    for arguments in (["trace", held["order_id"]], ["outbox", "show", held["order_id"], "--payload"]):
        done = command(*arguments)
        assert widest(done.stdout + done.stderr) <= 80
    words = command("trace", held["order_id"], "--wide").stdout
    assert all(each in words for each in held["detail"].split("; "))


def test_wide_shows_every_column_in_a_line_a_row(command):
    listed = json.loads(command("outbox", "list", "--format", "json").stdout)
    shown = command("outbox", "list", "--wide").stdout
    assert all(name in shown for name in listed[0].keys() - {"floor"}), "which is shown where there are several"
    assert all(line["pick_id"] in shown for line in listed)
    assert len(shown.splitlines()) == len(listed) + 5, "header, borders and the count"


@pytest.mark.parametrize("columns", [2, 5, 30])
def test_long_ids_and_greek_reasons_are_folded_and_lose_nothing(capsys, columns):
    row = [list(HOSTILE.values())[number % len(HOSTILE)][:150] for number in range(columns)]
    print_rows([f"column_{number}" for number in range(columns)], [row], Format.TABLE)
    out = capsys.readouterr().out
    assert widest(out) <= 80
    assert out.count("Δ") == sum(text.count("Δ") for text in row)


def test_no_listing_of_one_hostile_line_is_wider_than_eighty(capsys):
    line = dict.fromkeys(("pick_id", "state", "reason"), LONG_ID) | {"detail": REASON, "payload": HOSTILE}
    tables.print_listing([line], {name: lambda each, name=name: each[name] for name in line})
    tables.print_records([line], ("pick_id", "state"))
    tables.print_text(f"{LONG_ID}: {REASON}")
    assert widest(capsys.readouterr().out) <= 80


def test_a_pipe_that_is_not_utf8_gets_escapes_within_eighty_columns(capsys, monkeypatch):
    monkeypatch.setattr(type(tables.result_console), "encoding", "ascii")
    tables.print_table(["αβγ"], [[REASON], [LONG_ID]])
    tables.print_text(REASON)
    out = capsys.readouterr().out
    assert out.isascii()
    assert widest(out) <= 80


def test_json_and_csv_stay_whole(capsys):
    print_rows(list(HOSTILE), [list(HOSTILE.values())], Format.JSON)
    assert json.loads(capsys.readouterr().out) == [HOSTILE]
    print_rows(list(HOSTILE), [list(HOSTILE.values())], Format.CSV)
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))) == [HOSTILE]
