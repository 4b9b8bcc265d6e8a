"""Where the columns of core come from in each channel's payloads, read from docs/apis/common_schema.md.

The page has a table a core table, with a column a channel. One of its rows may be about several columns: `shipped_on;
_raw`, `ship_to_line1, _line2`, `bill_to_*`. Then their cells have as many parts, or stand for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from order_pipeline.channels import registry
from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.contracts.base import CoreTable

PAGE = Path(__file__).resolve().parents[2] / "docs/apis/common_schema.md"
_SECTION = re.compile(r"^## \d+\. (\w+)[^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_NOTHING, _DERIVED = "-", "="

Fields = Mapping[str, Mapping[str, str]]
"""Column -> channel -> the field as the channel's API names it, or how it is derived."""


def source_fields(page: str | None = None) -> dict[str, Fields]:
    """Core table -> its columns with their fields. A column that no row of the page is about has no entry.

    Args:
        page: the page's text; None: that of the repository.
    """
    text = PAGE.read_text(encoding="utf-8") if page is None else page
    return {name: _fields(name, body) for name, body in _SECTION.findall(text) if name in CORE_TABLES}


def columns_without_a_row(fields: Mapping[str, Fields]) -> list[str]:
    """`table.column` of core columns that the page does not have, beside those that every table has."""
    in_every_table = CoreTable.to_schema().columns
    return [
        f"{name}.{column}"
        for name, model in CORE_TABLES.items()
        for column in table_contract(model).column_names
        if column not in in_every_table and column not in fields.get(name, {})
    ]


def _fields(table: str, section: str) -> Fields:
    known = table_contract(CORE_TABLES[table]).column_names
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    if not rows:
        return {}
    titles = {channel.title: name for name, channel in registry.channels().items()}
    channels = {place: titles[head.split()[0]] for place, head in enumerate(rows[0]) if head.split()[0] in titles}
    found = dict[str, dict[str, str]]()
    for row in rows[2:]:
        columns = [column for column in _columns(row[0], known) if column not in found]
        for place, column in enumerate(columns):
            cells = {channel: row[at] for at, channel in channels.items() if at < len(row)}
            found[column] = {
                channel: told for channel, cell in cells.items() if (told := _part(cell, place, len(columns)))
            }
    return found


def _columns(cell: str, known: Sequence[str]) -> Iterator[str]:
    """The columns that a row is about. `_raw` continues the name before it, or replaces its last word."""
    before = ""
    for word in re.findall(r"[a-z_0-9]+\*?", cell.partition("(")[0]):
        if word.endswith("*"):
            yield from (name for name in known if name.startswith(word[:-1]))
            continue
        name = word
        if word.startswith("_"):
            name = next((each for each in (before + word, before.rpartition("_")[0] + word) if each in known), "")
        else:
            before = word
        if name in known:
            yield name


def _part(cell: str, place: int, columns: int) -> str:
    """The part of a cell that is about one of the row's columns; "" where the channel has nothing for it."""
    for separator in (";", ","):
        parts = [part.strip() for part in cell.split(separator)]
        if len(parts) == columns:
            cell = parts[place]
            break
    if cell.partition(" ")[0] == _NOTHING or cell in {"", "no rows"}:
        return ""
    told = re.sub(r"[`*]", "", cell).strip()
    return "derived" if told == _DERIVED else told
