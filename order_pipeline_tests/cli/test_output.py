"""What reaches a terminal, a file and a spreadsheet: exact for programs, harmless for people, nothing lost silently."""

import csv
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout

import pytest

from order_pipeline.cli.output import Format, print_rows
from order_pipeline.cli.visible import neutral, visible
from order_pipeline_tests.shared_demo import PROJECT

HOSTILE = "\x1b[31m\a\r\u202eevil\u2066\x9b2J\x7f [red]x[/red] :warning: Ωμέγα\u200b"
HARMFUL = "\x1b\a\r\u202e\u2066\x9b\x7f\u200b"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(columns, rows, output):
    with redirect_stdout(Terminal()) as terminal:
        print_rows(columns, rows, output)
    return terminal.getvalue()


@pytest.mark.parametrize("output", list(Format))
def test_no_control_character_of_a_record_reaches_a_terminal(output):
    shown = on_terminal(["name\x1b]0;title\a"], [(HOSTILE,)], output)
    assert not set(HARMFUL) & set(shown)
    assert "[red]x[/red] :warning: Ωμέγα" in shown.replace("\n", "")


def test_json_says_the_same_on_a_terminal_as_in_a_file():
    assert json.loads(on_terminal(["name"], [(HOSTILE,)], Format.JSON)) == [{"name": HOSTILE}]


def test_what_is_escaped_is_shown_as_what_it_is():
    assert visible("a\x1b[0m\u202e\nb") == "a\\x1b[0m\\u202e\nb"
    assert visible("Ωμέγα 12 €, Größe 😀") == "Ωμέγα 12 €, Größe 😀"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\uff1d"])
def test_text_that_begins_like_a_formula_is_neutral_by_option(capsys, begin):
    cell = f"{begin}cmd|' /C calc'!A0"
    print_rows(["a"], [(cell,)], Format.CSV, neutral_cells=True)
    assert list(csv.reader(io.StringIO(capsys.readouterr().out, newline=""))) == [["a"], [f"'{cell}"]]
    print_rows(["a"], [(cell,)], Format.CSV)
    assert list(csv.reader(io.StringIO(capsys.readouterr().out, newline=""))) == [["a"], [cell]]


def test_a_number_is_no_formula():
    assert neutral(-5, "-5") == "-5"


def run_with(encoding, *arguments):
    """The command in a process of its own, stdout a pipe of this encoding; the bytes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORDER_PIPELINE_")}
    code = (
        "import sys; from order_pipeline.cli.main import write_what_cannot_be_encoded_as_escapes as begin; begin();"
        "from order_pipeline.cli.output import *;"
        "print_rows(['ώ'], [('αβγ€',)], Format(sys.argv[1])); show_error('αβγ', 'ώ')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**environment, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.mark.costly
@pytest.mark.parametrize(
    "encoding", ["ascii", *(pytest.param(each, marks=pytest.mark.slow) for each in ("latin-1", "cp1253", "utf-8"))]
)
def test_every_encoding_of_a_pipe_gets_everything(encoding):
    table, errors = run_with(encoding, "table")
    assert "αβγ€".encode(encoding, "backslashreplace") in table
    assert "αβγ".encode(encoding, "backslashreplace") in errors
    assert json.loads(run_with(encoding, "json")[0].decode(encoding)) == [{"ώ": "αβγ€"}]
    assert run_with(encoding, "csv")[0].decode() == "ώ\nαβγ€\n"  # noqa: RUF001 - Greek
