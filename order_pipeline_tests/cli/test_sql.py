"""`sql` answers in three formats, alone on stdout; a wrong statement ends with DuckDB's own words."""

import csv
import io
import json

import pytest

from order_pipeline.cli.output import distinct_names, json_array
from order_pipeline_tests.shared_demo import run_command


def test_json_is_one_array_of_objects_and_nothing_else(command):
    done = command(
        "sql", "select 1 as a, 12.5000::DECIMAL(18,4) as money, null as nothing, [1] as list", "--format", "json"
    )
    assert done.returncode == 0
    assert json.loads(done.stdout) == [{"a": 1, "money": 12.5, "nothing": None, "list": [1]}]
    assert '"money":12.5000' in done.stdout, "exact digits, not a float"
    assert done.stderr == ""


def test_no_rows_are_an_empty_array(command):
    assert json.loads(command("sql", "select 1 as a where false", "--format", "json").stdout) == []


def test_csv_has_a_header_and_table_counts_its_rows(command):
    rows = list(csv.reader(io.StringIO(command("sql", "select 'ξ,β' as text, 2 as n", "--format", "csv").stdout)))
    assert rows == [["text", "n"], ["ξ,β", "2"]]
    assert "1 row" in command("sql", "select 1").stdout


def test_a_wrong_statement_is_an_error_on_stderr(command):
    done = command("sql", "selct 1", "--format", "json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "syntax error" in done.stderr
    assert "next:" in done.stderr


def test_a_reader_cannot_write(command):
    done = command("sql", "delete from core.orders")
    assert done.returncode == 1
    assert "read-only" in done.stderr


def test_the_operations_store_is_not_written_either(command):
    done = command("sql", "update ops.pick_outbox set state = 'sent'")
    assert done.returncode == 1
    assert "base table" in done.stderr


def test_safe_reads_the_lake_and_no_file(command, monkeypatch):
    assert "1 row" in command("sql", "--safe", "select count(*) from core.orders").stdout
    done = command("sql", "--safe", "select * from read_text('/etc/hostname')")
    assert (done.returncode, done.stdout) == (1, "")
    assert "out of reach" in done.stderr
    monkeypatch.setattr("sys.stdin", io.StringIO("attach '/tmp/x' as x;\nselect 42;\n"))
    shell = command("sql", "--safe")
    assert "no ATTACH" in shell.stderr
    assert "42" in shell.stdout


def test_without_a_lake_it_says_how_to_get_one(tmp_path):
    done = run_command(tmp_path, "sql", "select 1")
    assert done.returncode == 1
    assert "There is no lake" in done.stderr


def test_it_answers_while_another_shell_is_open(demo, command):
    from order_pipeline.settings import Settings
    from order_pipeline.warehouse.lake.connection import Lake

    with Lake(Settings(data_dir=demo)).transaction("a writer in the middle of its work") as writer:
        writer.execute("create table marts.half_done (i integer)")
        done = command("sql", "select count(*) as n from core.orders", "--format", "json")
        writer.execute("drop table marts.half_done")
    assert json.loads(done.stdout)[0]["n"] > 0


@pytest.mark.parametrize(
    ("columns", "names"),
    [(["a", "b"], ["a", "b"]), (["a", "a", "a"], ["a", "a_2", "a_3"]), ([], [])],
)
def test_equal_column_names_are_told_apart(columns, names):
    assert distinct_names(columns) == names


def test_large_answers_are_streamed():
    rows = ((number,) for number in range(3))
    pieces = json_array(["n"], rows)
    assert next(pieces) == "["
    assert json.loads("[" + "".join(pieces)) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_statements_can_be_piped_into_the_shell(command, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("select 41 +\n 1;\nselect 'second';\n"))
    done = command("sql")
    assert "42" in done.stdout
    assert "second" in done.stdout
