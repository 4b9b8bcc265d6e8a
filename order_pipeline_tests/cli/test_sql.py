"""`sql` answers one query, a file or a pipe, in five formats; what fails ends not with 0."""

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


@pytest.mark.costly
def test_safe_reads_the_lake_and_no_file(command, monkeypatch):
    assert "1 row" in command("sql", "--safe", "select count(*) from core.orders").stdout
    done = command("sql", "--safe", "select * from read_text('/etc/hostname')")
    assert (done.returncode, done.stdout) == (1, "")
    assert "out of reach" in done.stderr
    monkeypatch.setattr("sys.stdin", io.StringIO("select 42;\nattach '/tmp/x' as x;\n"))
    piped = command("sql", "--safe")
    assert (piped.returncode, piped.stdout) == (1, "")
    assert "no ATTACH" in piped.stderr


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("from read_text('/etc/hostname')", "Permission Error"),
        ("copy (select 1) to 'out.csv'", "COPY is not for reading"),
        ("explain (analyze) copy (select 1) to 'out.csv'", "COPY is not for reading"),
        ("prepare p as copy (select 1) to 'out.csv'", "PREPARE is not for reading"),
        ("export database 'out'", "EXPORT is not for reading"),
        ("attach 'operations.sqlite' as o (type sqlite)", "ATTACH is not for reading"),
        ("set lock_configuration = false", "configuration option"),
    ],
)
def test_files_are_out_of_reach_without_safe_too(command, statement, refusal):
    done = command("sql", f"select 1; {statement}")
    assert done.returncode == 1
    assert refusal in done.stderr
    assert "docs/sql.md" in done.stderr or statement.startswith("set")


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


def test_statements_come_through_a_pipe_and_each_answers(command, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("select 41 +\n 1;\nselect 'second';\n"))
    done = command("sql")
    assert "42" in done.stdout
    assert "second" in done.stdout


def test_a_failing_statement_of_a_pipe_ends_the_command_with_an_error(command, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("select 'first'; from nothing_there; select 'third';"))
    done = command("sql", "--format", "csv")
    assert (done.returncode, done.stdout) == (1, "'first'\nfirst\n")
    assert "nothing_there does not exist" in done.stderr


def test_a_file_is_run(command, tmp_path):
    file = tmp_path / "question.sql"
    file.write_text("select 'ξ' as a;")
    assert command("sql", "--file", str(file), "--format", "jsonl").stdout == '{"a":"ξ"}\n'
    done = command("sql", "--file", str(tmp_path / "none.sql"))
    assert done.returncode == 2
    assert "could not be read" in done.stderr


def test_markdown_is_a_table_whatever_the_cells_hold(command):
    done = command("sql", "select 'a|b' as x, E'c\nd' as \"y|z\"", "--format", "markdown")
    assert done.stdout == "| x | y\\|z |\n| --- | --- |\n| a\\|b | c<br>d |\n"


def test_the_lake_is_read_as_it_was(command):
    at_first = json.loads(command("sql", "from lake.snapshots() order by 1", "--format", "json").stdout)
    asked = ("sql", "select count(*) as n from raw.fetches", "--format", "json", "--at")
    assert "does not exist" in command(*asked, str(at_first[0]["snapshot_id"])).stderr
    assert json.loads(command(*asked, at_first[-1]["snapshot_time"]).stdout)[0]["n"] > 0
    never = command(*asked, "2001-01-01")
    assert never.returncode == 1
    assert "No snapshot found" in never.stderr
    assert command(*asked, "yesterday").returncode == 2


@pytest.mark.costly
def test_tables_are_listed_briefly_and_columns_with_what_they_mean(command):
    tables = dict(csv.reader(io.StringIO(command("sql", "from tables()", "--format", "csv").stdout)))
    assert tables["core.orders"].startswith("One order of a channel")
    assert {"ops.pick_outbox", "marts.pick_lines", "raw.fetches"} <= tables.keys()
    columns = list(csv.DictReader(io.StringIO(command("sql", "from about('core.orders')", "--format", "csv").stdout)))
    assert [each["column"] for each in columns][:2] == ["source", "account"]
    assert all(each["description"] for each in columns)
