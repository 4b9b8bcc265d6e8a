"""The SQL project: every file is one SELECT, described, in dependency order, and reads what dbt knows."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import duckdb
import jinja2
import pytest
import sqlglot
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from order_pipeline.warehouse.sql.batches import plan_batch, run_batch
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlModelError, SqlProject

PROJECT = SqlProject()


@pytest.mark.parametrize("name", PROJECT.models)
def test_a_model_is_one_select_that_names_its_purpose(name: str) -> None:
    model = PROJECT.models[name]
    assert model.template.lstrip().startswith(("--", "{{ config(", "{#")), "say at the top what the model yields"
    statements = sqlglot.parse(PROJECT.graph[name].sql, dialect="duckdb", error_level=sqlglot.ErrorLevel.IGNORE)
    assert len(statements) == 1
    assert "from raw." not in model.template.lower()
    assert "from core." not in model.template.lower()


def test_dependencies_come_first() -> None:
    ordered = PROJECT.upstream(PROJECT.models)
    assert sorted(ordered) == sorted(PROJECT.models)
    for place, name in enumerate(ordered):
        needed = {ref for ref in PROJECT.graph[name].refs if ref in PROJECT.models}
        assert needed <= set(ordered[:place])


def test_a_circle_is_named(tmp_path: Path) -> None:
    project = project_of(tmp_path, {"a": "SELECT * FROM {{ ref('b') }}", "b": "SELECT * FROM {{ ref('a') }}"})
    with pytest.raises(SqlModelError, match="Circular"):
        project.upstream(["a"])


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM {{ ref('nothing') }}", "'nothing'"),
        ("SELECT {{ missing() }}", "missing"),
        ("SELECT {{", "a.sql"),
    ],
)
def test_what_does_not_render_names_the_file(tmp_path: Path, sql: str, message: str) -> None:
    with pytest.raises(SqlModelError, match=message):
        project_of(tmp_path, {"a": sql}).render("a")


def test_a_changed_model_is_compiled_again(tmp_path: Path) -> None:
    assert project_of(tmp_path / "before", {"a": "SELECT {{ 1 }}"}).render("a").sql == "SELECT 1"
    assert project_of(tmp_path / "after", {"a": "SELECT {{ 2 }}"}).render("a").sql == "SELECT 2"


def test_a_project_is_rendered_where_nothing_compiled_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = tmp_path / f"_jinja2-cache-{os.getuid()}"
    project = project_of(tmp_path / "lost", {"a": "SELECT {{ 1 }}", "b": "SELECT {{ 2 }}"})
    project.render("a")
    assert list(kept.iterdir()), "the compiled templates are kept somewhere else: this test shows nothing"
    shutil.rmtree(kept)
    assert project.render("b").sql == "SELECT 2"
    kept.write_text("no directory: as unsafe as one of another user")
    assert project_of(tmp_path / "unsafe", {"a": "SELECT {{ 1 }}"}).render("a").sql == "SELECT 1"


@pytest.mark.parametrize("left", [0, 1, 20, 30, 60, 200])
def test_what_was_kept_compiled_and_got_damaged_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    project_of(tmp_path / "first", {"a": "SELECT {{ 1 }}"}).render("a")
    for file in (tmp_path / f"_jinja2-cache-{os.getuid()}").iterdir():
        file.write_bytes(file.read_bytes()[:left])
    assert project_of(tmp_path / "second", {"a": "SELECT {{ 1 }}"}).render("a").sql == "SELECT 1"


def test_variables_come_from_the_project_and_may_be_replaced(tmp_path: Path) -> None:
    models = {"a": "SELECT {{ var('limit') }} AS n, {{ var('other', 7) }} AS m"}
    assert project_of(tmp_path, models).render("a").sql == "SELECT 3 AS n, 7 AS m"
    replaced = SqlProject(tmp_path, {"limit": 5})
    assert replaced.render("a").sql == "SELECT 5 AS n, 7 AS m"


def test_a_batch_reads_what_it_is_told_and_inlines_ephemeral_models(tmp_path: Path) -> None:
    models = {
        "a": "{{ config(materialized='ephemeral') }}SELECT n + 1 AS n FROM {{ source('raw', 'numbers') }}",
        "b": "SELECT n * 10 AS n FROM {{ ref('a') }}",
    }
    project = project_of(tmp_path, models)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE mine AS SELECT 4 AS n")
        made = run_batch(project, connection, ["b"], place="memory.main", ref={}, source={("raw", "numbers"): "mine"})
        assert connection.execute(f"SELECT n FROM {made['b']}").fetchall() == [(50,)]


def test_a_batch_knows_what_each_of_its_tables_waits_for(tmp_path: Path) -> None:
    models = {
        "payloads": "{{ config(materialized='ephemeral') }}SELECT n FROM {{ source('raw', 'numbers') }}",
        "parsed": "SELECT n FROM {{ ref('payloads') }}",
        "halves": "{{ config(materialized='ephemeral') }}SELECT n / 2 AS n FROM {{ ref('parsed') }}",
        "left": "SELECT n FROM {{ ref('halves') }}",
        "right": "SELECT n FROM {{ ref('parsed') }} UNION ALL SELECT n FROM {{ ref('given') }}",
        "given": "SELECT 1 AS n",
        "both": "SELECT left.n FROM {{ ref('left') }} AS left JOIN {{ ref('right') }} AS right ON true",
    }
    batch = plan_batch(project_of(tmp_path, models), ["both"], place="here", ref={"given": "elsewhere"}, source={})
    assert {table.model: (table.reads, table.reads_sources) for table in batch.tables} == {
        "parsed": (frozenset(), True),
        "left": (frozenset({"parsed"}), False),
        "right": (frozenset({"parsed"}), False),
        "both": (frozenset({"left", "right"}), False),
    }
    assert batch.readers("parsed") == ["left", "right"]
    assert (batch.relations["both"], batch.relations["given"]) == ("here.both", "elsewhere")


def test_no_check_of_a_build_reads_prices_which_are_made_meanwhile() -> None:
    checks = [name for name in PROJECT.models if name.startswith("check__")]
    assert ("core", "prices") not in PROJECT.sources_of(checks)


def test_every_source_that_a_model_reads_is_declared_for_dbt() -> None:
    declared: set[tuple[str, str]] = set()
    for path in (PROJECT_DIRECTORY / "models").rglob("*.yml"):
        for source in yaml.safe_load(path.read_text(encoding="utf-8")).get("sources", []):
            declared |= {(source["name"], table["name"]) for table in source["tables"]}
    assert PROJECT.sources_of(PROJECT.models) <= declared


def test_switching_a_source_off_leaves_it_out_of_the_picks() -> None:
    assert "pick_candidates__kibo" in PROJECT.graph["pick_lines"].refs
    assert "pick_candidates__kibo" not in SqlProject(variables={"pick_kibo": False}).graph["pick_lines"].refs


def rendered(call: str, text: str) -> object:
    """What a macro makes of a text."""
    template = jinja2.Template(
        "SELECT {{ " + call + " }} FROM (SELECT $1 AS value, TIMESTAMPTZ '2026-01-06' AS fetched_at)"
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        row = connection.execute(template.render(PROJECT.macros({})), [text]).fetchone()
    return row[0] if row else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.40", "10.4000"), ("1e2", "100.0000"), ("0.00005", "0.0000"), ("0.00015", "0.0002"),
        ("0.000050001", "0.0001"), ("-0.00015", "-0.0002"), ("-0.00025", "-0.0002"), ("5", "5.0000"),
        ("12345678901234.5678", "12345678901234.5678"), ("123456789012345", None), ("NaN", None), ("inf", None),
        ("two", None), ("1_000", None), ("", None), ("1,5", None),
    ],
)  # fmt: skip
def test_decimals_are_exact_and_rounded_half_to_even(text: str, expected: str | None) -> None:
    found = rendered("decimal('value')", text)
    assert (None if found is None else str(found)) == expected


@settings(deadline=None, max_examples=60)
@given(st.decimals(-99999, 99999, places=6))
@example(Decimal("2.000050"))
def test_any_decimal_is_rounded_as_python_rounds_it(value: Decimal) -> None:
    assert rendered("decimal('value')", f"{value:f}") == value.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-08-15T22:08:50+00:00", "2017-08-15 22:08:50+00:00"),
        ("2017-01-13T19:27:27+0000", "2017-01-13 19:27:27+00:00"),
        ("2017-01-13T19:27:27.250Z", "2017-01-13 19:27:27.250000+00:00"),
        ("2017-01-13T19:27:27+02:00", "2017-01-13 17:27:27+00:00"),
        ("2017-01-13T19:27:27", None), ("2017-01-13", None), ("2017-13-01T00:00:00Z", None), ("soon", None),
    ],
)  # fmt: skip
def test_a_time_needs_its_offset(text: str, expected: str | None) -> None:
    found = rendered("time_with_offset('value')", text)
    assert (None if found is None else str(found)) == expected


ENTITY = re.compile("&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([0-9A-Za-z]+));")
NAMES = {"amp": "&", "eacute": "\N{LATIN SMALL LETTER E WITH ACUTE}", "quot": '"'}


def decoded(text: str) -> str:
    """What entities mean, said in Python: once, and what is no character stays."""

    def character(entity: re.Match[str]) -> str:
        decimal, hexadecimal, name = entity.groups()
        if name:
            return NAMES.get(name, entity[0])
        code = int(decimal) if decimal else int(hexadecimal, 16)
        return chr(code) if code <= sys.maxunicode and not 0xD800 <= code <= 0xDFFF else entity[0]

    return ENTITY.sub(character, text)


PIECES = [
    "&",
    "#",
    "x",
    ";",
    "&amp;",
    "&eacute;",
    "&#233;",
    "&#xe9;",
    "&#XD800;",
    "&#1114112;",
    "&#12345678;",
    "a",
    " ",
]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from(PIECES) | st.text("&#;x19ae\N{LATIN SMALL LETTER E WITH ACUTE}"), max_size=6).map("".join)
)
@example("&amp;amp;")
@example("&#38;amp;&unknown;&&;&#;&#x;&-;")
def test_entities_are_decoded_once_and_what_is_none_stays(text: str) -> None:
    template = jinja2.Template(
        "SELECT {{ decode_entities('value', 'names') }} FROM (SELECT $1 AS value, MAP($2, $3) AS names)"
    )
    parameters = [text, [f"{name};" for name in NAMES], list(NAMES.values())]
    with duckdb.connect() as connection:
        row = connection.execute(template.render(PROJECT.macros({})), parameters).fetchone()
    assert row == (decoded(text),)


def project_of(directory: Path, models: dict[str, str]) -> SqlProject:
    (directory / "models" / "staging").mkdir(parents=True)
    (directory / "macros").mkdir()
    (directory / "seeds").mkdir()
    (directory / "dbt_project.yml").write_text("name: small\nvars: {limit: 3}\n", encoding="utf-8")
    for name, sql in models.items():
        (directory / "models" / "staging" / f"{name}.sql").write_text(sql, encoding="utf-8")
    return SqlProject(directory)


def test_dbt_reads_the_lake_and_builds_into_a_file_of_its_own() -> None:
    profiles = yaml.safe_load((PROJECT_DIRECTORY / "profiles.yml").read_text(encoding="utf-8"))
    for output in profiles["order_pipeline"]["outputs"].values():
        assert output["path"].endswith("/dbt.duckdb")
        assert all(attached["options"] == {"read_only": True} for attached in output["attach"])
