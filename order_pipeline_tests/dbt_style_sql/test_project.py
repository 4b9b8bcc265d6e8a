"""The SQL project: every file is one SELECT, described, in dependency order, and reads what dbt knows."""

from __future__ import annotations

import re
import sys
from decimal import ROUND_HALF_EVEN, Decimal

import duckdb
import jinja2
import pytest
import sqlglot
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from order_pipeline.channels import registry
from order_pipeline.warehouse.sql.project import PROJECT_DIRECTORY, SqlProject

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
    without_kibo = SqlProject(variables={"picked_channels": ["skroutz"]})
    assert "pick_candidates__kibo" in PROJECT.upstream(["pick_lines"])
    assert "pick_candidates__kibo" not in without_kibo.upstream(["pick_lines"])


@pytest.mark.parametrize("name", registry.webhooks())
def test_who_is_picked_of_a_channel_with_webhooks_depends_on_a_read(name: str) -> None:
    sql = PROJECT.graph[f"pick_candidates__{name}"].sql
    assert "awaits_read" in sql
    assert "'awaiting_read'" in sql


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


@pytest.mark.costly
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


@pytest.mark.costly
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


def test_dbt_reads_the_lake_and_builds_into_a_file_of_its_own() -> None:
    profiles = yaml.safe_load((PROJECT_DIRECTORY / "profiles.yml").read_text(encoding="utf-8"))
    for output in profiles["order_pipeline"]["outputs"].values():
        assert output["path"].endswith("/dbt.duckdb")
        assert all(attached["options"] == {"read_only": True} for attached in output["attach"])
