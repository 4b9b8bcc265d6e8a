"""Every number of the report comes from a mart that stands beside it, and no person does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from order_pipeline.dictionary.words import words_of_lake
from order_pipeline.report import figures
from order_pipeline.report.charts import described, drawn
from order_pipeline.report.figures import FIGURES, QUERIES, Answered, Drawing, Figure, Report, read_report
from order_pipeline.report.page import preview, report_page
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.report.marts import CANARY, HOSTILE, lake_with_marts

pytestmark = pytest.mark.costly

NOW = datetime(2026, 1, 20, 8, 30, tzinfo=UTC)


def report_of(connection, patch) -> Report:
    patch.setattr(figures, "snapshot_id", lambda _: 7)
    return read_report(connection, NOW)


@pytest.fixture(scope="module")
def report() -> Report:
    with pytest.MonkeyPatch.context() as patch, lake_with_marts() as connection:
        return report_of(connection, patch)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return report_page(report)


def answered(report: Report, name: str) -> Answered:
    [found] = [each for each in report.figures if each.figure.name == name]
    return found


def test_every_query_has_its_figure_and_reads_marts_alone() -> None:
    assert {each.name for each in FIGURES} == {path.stem for path in QUERIES.glob("*.sql")}
    for figure in FIGURES:
        assert len(figure.marts) == 1, figure.name
        assert not any(f"{schema}." in figure.sql for schema in ("raw", "core", "staging", "quarantine", "ops"))


def test_every_mart_that_stands_beside_a_figure_is_one_of_the_project() -> None:
    assert {mart for figure in FIGURES for mart in figure.marts} <= set(words_of_lake(SqlProject()))


def test_figures_are_those_of_the_marts(report: Report) -> None:
    assert answered(report, "orders_by_day").rows[-1][1:] == ("skroutz", 20)
    assert len(answered(report, "orders_by_day").rows) == 14 * 3
    margin = answered(report, "margin")
    kibo = dict(zip(margin.columns, margin.rows[0], strict=True))
    assert (kibo["before_goods_percent"], kibo["margin_amount"]) == (90.0, Decimal("40.00"))
    cycle = answered(report, "cycle_times")
    assert dict(zip(cycle.columns, cycle.rows[0], strict=True))["on_time_percent"] == 80.0


def test_a_margin_that_is_not_known_is_no_number(report: Report) -> None:
    margin = answered(report, "margin")
    skroutz = dict(zip(margin.columns, margin.rows[1], strict=True))
    assert (skroutz["orders"], skroutz["orders_with_known_fees"], skroutz["margin_before_goods_amount"]) == (1, 0, None)


def test_an_order_counts_once_in_the_backlog_under_what_is_most_urgent(report: Report) -> None:
    rows = answered(report, "backlog_by_age").rows
    assert sum(orders for _, _, orders in rows) == 20
    assert {waits for _, waits, _ in rows} == {"in_doubt", "on_the_floor"}, "not held, nor with others beside that"
    assert rows[0][0] == "under a day"


def test_every_mart_is_named_beside_its_figure(page: str) -> None:
    for figure in FIGURES:
        assert f"<code>{figure.marts[0]}</code>" in page


def test_no_column_that_the_report_does_not_ask_for_is_on_the_page(page: str, report: Report) -> None:
    assert CANARY not in page
    assert CANARY not in preview(report)


def test_what_a_record_says_is_text_on_the_page(page: str) -> None:
    assert "<script" not in page
    assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in page


def test_the_page_asks_for_nothing(page: str) -> None:
    assert "default-src 'none'" in page
    assert not [word for word in ("src=", "@import", "url(", "<link") if word in page]


def test_a_drawing_says_what_it_shows_and_has_its_table(page: str, report: Report) -> None:
    assert described(answered(report, "orders_by_day")) == (
        "Columns of orders along order day, by channel. The largest: 20 Jan, Skroutz, with 20."
        " The table beside it has every number."
    )
    assert page.count('role="img"') == sum(each.figure.drawing is not Drawing.NONE for each in report.figures)
    assert page.count("<table>") == len(FIGURES)


def test_without_rows_there_is_a_sentence_and_no_drawing() -> None:
    with pytest.MonkeyPatch.context() as patch, lake_with_marts(are_empty=True) as connection:
        empty = report_page(report_of(connection, patch))
    assert "No pick is in doubt." in empty
    assert '<svg role="img"' not in empty


def test_a_mart_that_is_not_deployed_is_said(report: Report) -> None:
    with pytest.MonkeyPatch.context() as patch, lake_with_marts() as connection:
        connection.execute("DROP TABLE marts.backlog")
        assert "This mart is not in the lake yet" in report_page(report_of(connection, patch))


def test_a_name_in_a_label_cannot_leave_the_drawing() -> None:
    figure = Figure(name="x", title="X", about="", drawing=Drawing.BARS, category=("name",), value="n")
    svg = drawn(Answered(figure, ("name", "n"), ((f'"{HOSTILE}', 1),)))
    assert "<script" not in svg
    assert 'aria-label="Bars of n along name. The largest: &quot;' in svg


def test_a_figure_without_values_is_not_drawn() -> None:
    figure = replace(FIGURES[1], category=("age",), series="", value="orders")
    assert drawn(Answered(figure, ("age", "orders"), (("old", None),))) == ""
