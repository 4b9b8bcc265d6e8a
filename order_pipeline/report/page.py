"""The report as one HTML page that needs nothing else: no script, no file beside it, no network."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from order_pipeline.report.charts import columns_with_numbers, drawn, legend, table_of, told
from order_pipeline.report.figures import Answered, Report

_FOLDER = Path(__file__).parent


def report_page(report: Report) -> str:
    """The page of this report."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    templates.filters.update(
        cell=cell,
        day=lambda at: f"{at:%Y-%m-%d}",
        drawn=_markup,
        moment=cell,
        legend=legend,
        numbers=columns_with_numbers,
        table=table_of,
    )
    css = (_FOLDER / "page.css").read_text(encoding="utf-8")
    return templates.get_template("page.html").render(report=report, css=Markup(css))  # noqa: S704 - a file of ours


def preview(report: Report) -> str:
    """The figures' tables as Markdown, for the asset's page in Dagster; the first rows of each."""
    parts = [f"Snapshot {report.snapshot}, {cell(report.at)} UTC"]
    for each in report.figures:
        parts.append(f"### {each.figure.title}\n\nFrom {', '.join(f'`{mart}`' for mart in each.figure.marts)}")
        parts.append(_table(each) if each.rows else "not in the lake yet" if each.is_missing else each.figure.nothing)
    return "\n\n".join(parts)


def cell(value: Any) -> str:
    """A value as people read it; "-" where nothing is known."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, (int, float)) else told(value)


def _markup(answered: Answered) -> Markup:
    return Markup(drawn(answered))  # noqa: S704 - the library escapes what it draws


def _table(answered: Answered) -> str:
    lines = [answered.columns, ["---"] * len(answered.columns), *answered.rows[:10]]
    return "\n".join(f"| {' | '.join(cell(value).replace('|', ' ') for value in line)} |" for line in lines)
