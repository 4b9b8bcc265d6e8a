"""What `make lint` finds in SQL: the rules of `.sqlfluff`, and that they can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlfluff.core import FluffConfig, Linter

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def linter() -> Linter:
    return Linter(config=FluffConfig.from_path(str(ROOT)))


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("SELECT orders.order_id from core.orders AS orders\n", "CP01"),
        ("SELECT a.order_id\nFROM a\nJOIN b ON b.order_id = a.order_id\n", "AM05"),
        ("WITH unread AS (SELECT 1 AS one)\n\nSELECT 2 AS two\n", "ST03"),
        ("SELECT DISTINCT order_id\nFROM core.orders\nGROUP BY order_id\n", "AM01"),
        ("SELECT CASE WHEN\n", "PRS"),
    ],
)
def test_a_fault_in_a_model_is_found_by_its_rule(linter: Linter, sql: str, rule: str) -> None:
    found = {violation.rule_code() for violation in linter.lint_string(sql).violations}

    assert rule in found


def test_a_loop_over_a_variable_of_the_project_is_read(linter: Linter) -> None:
    names = "{%- for name in var('channels_with_sightings') %}, '{{ name }}'{% endfor %}"
    sql = f"SELECT 1 AS one\nWHERE '' IN ('' {names})\n"

    linted = linter.lint_string(sql)

    assert linted.violations == []
    assert linted.templated_file is not None
    assert "'kibo'" in linted.templated_file.templated_str
