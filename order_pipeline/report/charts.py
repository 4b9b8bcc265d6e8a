"""Charts as SVG, drawn by pygal: no script, no font, colours and text from the page's own style, so dark and light fit.

A drawing is for who sees it; every figure has its table beside it, and each drawing a sentence that says what it shows.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pygal
from pygal.style import Style

from order_pipeline.channels import registry
from order_pipeline.report.figures import Answered, Drawing

# pygal puts a finder for its maps there, which has no `find_spec`: others who walk the list fail on it.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

Number = int | float

MOST_CATEGORIES = 12
"""More bars than this do not fit a phone; the table has them all."""
_COLOURS = tuple(f"var(--c{number})" for number in range(1, 9))
_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="currentColor",
    foreground_strong="currentColor",
    foreground_subtle="currentColor",
    colors=_COLOURS,
    font_family="inherit",
    label_font_size=14,
    major_label_font_size=14,
    value_font_size=13,
    opacity=".85",
    transition="0s",
    guide_stroke_color="var(--line)",
    major_guide_stroke_color="var(--line)",
)
_WIDTH, _ROW = 480, 34


def drawn(answered: Answered) -> str:
    """The figure as an SVG element; "" where it has no drawing or no value to draw."""
    figure, (categories, series) = answered.figure, _values(answered)
    if figure.drawing is Drawing.NONE or not any(value is not None for line in series.values() for value in line):
        return ""
    common = {
        "style": _STYLE,
        "js": [],
        "width": _WIDTH,
        "show_legend": False,  # the page has one, in its own letters
        "disable_xml_declaration": True,
        "margin": 4,
        "margin_right": 24,
        "max_scale": 6,
        "include_x_axis": True,
    }
    if figure.drawing is Drawing.COLUMNS:
        chart: Any = pygal.StackedBar(height=260, x_label_rotation=60, **common)
    else:
        kind = pygal.HorizontalStackedBar if figure.series else pygal.HorizontalBar
        chart = kind(height=70 + _ROW * len(categories), **common)
        # pygal draws from below; a list is read from above.
        categories, series = categories[::-1], {name: line[::-1] for name, line in series.items()}
    chart.x_labels = categories
    for name, line in series.items():
        chart.add(name, line)
    chart.uuid = figure.name
    chart.add_xml_filter(_for_page)
    return _named(chart.render(is_unicode=True), described(answered))


def described(answered: Answered) -> str:
    """What the drawing shows, in a sentence: for who does not see it."""
    figure, (categories, series) = answered.figure, _values(answered)
    kind = "Columns" if figure.drawing is Drawing.COLUMNS else "Bars"
    along = _words(" and ".join(figure.category)) + (f", by {_words(figure.series)}" if figure.series else "")
    drawn_values = [
        (value, f"{category}, {name}" if figure.series else category)
        for name, line in series.items()
        for category, value in zip(categories, line, strict=True)
        if value is not None
    ]
    value, largest = max(drawn_values, default=(0, "none"))
    said = f"{kind} of {_words(figure.value)} along {along}. The largest: {largest}, with {value:g}."
    return f"{said} The table beside it has every number."


def legend(answered: Answered) -> list[str]:
    """The names of the series, in the order of the colours `c1`, `c2` ...; none where the drawing has one series."""
    return list(_values(answered)[1]) if answered.figure.series else []


def table_of(answered: Answered) -> Answered:
    """The rows as the page's table has them: columns along days become a row a day."""
    figure, (categories, series) = answered.figure, _values(answered)
    if figure.drawing is not Drawing.COLUMNS:
        return answered
    rows = tuple((category, *(line[place] for line in series.values())) for place, category in enumerate(categories))
    return Answered(figure, (*figure.category, *series), rows)


def _words(column: str) -> str:
    return column.replace("_", " ")


def _values(answered: Answered) -> tuple[list[str], dict[str, list[Number | None]]]:
    """Categories along the axis in the order of the rows, and each series' values along them."""
    figure = answered.figure
    if figure.drawing is Drawing.NONE or not answered.rows:
        return [], {}
    at = {column: place for place, column in enumerate(answered.columns)}
    sums = dict[tuple[str, str], Number]()
    categories, names = dict[str, None](), dict[str, None]()
    for row in answered.rows:
        category = ", ".join(told(row[at[column]]) for column in figure.category)
        name = told(row[at[figure.series]]) if figure.series else figure.value
        if category not in categories and len(categories) == MOST_CATEGORIES and figure.drawing is Drawing.BARS:
            continue
        categories[category] = names[name] = None
        value = row[at[figure.value]]
        if value is not None:
            sums[category, name] = sums.get((category, name), 0) + (
                float(value) if isinstance(value, Decimal) else value
            )
    return list(categories), {name: [sums.get((category, name)) for category in categories] for name in names}


def told(value: Any) -> str:
    """A value as a label: a channel by its title, words without underscores."""
    if isinstance(value, date):
        return f"{value:%d %b}"
    if isinstance(value, str) and value in registry.NAMES:
        return registry.channels()[value].title
    return "unknown" if value is None else str(value).replace("_", " ")


def _for_page(root: Any) -> Any:
    """The drawing without what no page needs: the library's script, and its comments with addresses of the web."""
    for parent in root.iter():
        for child in [each for each in parent if not isinstance(each.tag, str) or each.tag.endswith("script")]:
            parent.remove(child)
    return root


def _named(svg: str, description: str) -> str:
    """The drawing as one image with its description."""
    return svg.replace("<svg ", f'<svg role="img" aria-label="{_escaped(description)}" ', 1)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def is_number(value: object) -> bool:
    """Whether a cell stands to the right."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def columns_with_numbers(answered: Answered) -> Sequence[bool]:
    """For each column of the table: whether its cells are numbers."""
    return [any(is_number(row[place]) for row in answered.rows) for place in range(len(answered.columns))]
