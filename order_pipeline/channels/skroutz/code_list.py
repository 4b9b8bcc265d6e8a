"""Order codes from a file that the merchant exports from the panel: to start, or after an outage.

Skroutz has no list endpoint, and events lost for more than twenty minutes do not come again (apis/skroutz.md sections
7 and 13). The export's form is not documented, so any CSV will do: codes are in the named column, or in the first.
"""

from __future__ import annotations

import csv
from pathlib import Path

from order_pipeline.channels.operator_commands import RequestError

COLUMN_NAMES = ("code", "order_code", "order", "order number", "κωδικός", "κωδικός παραγγελίας", "παραγγελία")
ADVICE = "Name the column with --column."


def codes_in_file(path: Path, column: str | None = None) -> list[str]:
    """The codes of the file, each once, in its order. Comma, semicolon and tab separate; blank cells are skipped.

    Args:
        path: a CSV file in UTF-8, with or without a byte order mark, with or without a header.
        column: the header of the codes' column; None: the usual names, else the first column, header or not.

    Raises:
        RequestError: the column is missing, or there are no codes.
    """
    text = path.read_text(encoding="utf-8-sig")
    delimiter = max(";\t,", key=text.partition("\n")[0].count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    if not rows:
        raise RequestError(f"{path} is empty.")
    header = [cell.casefold() for cell in rows[0]]
    wanted = [name.casefold() for name in ((column,) if column else COLUMN_NAMES)]
    index = next((header.index(name) for name in wanted if name in header), None)
    if index is None and column:
        raise RequestError(f"{path} has no column {column!r}; its first line is {', '.join(rows[0])}. {ADVICE}")
    body = rows if index is None else rows[1:]
    codes = [row[index or 0] for row in body if len(row) > (index or 0) and row[index or 0]]
    if not codes:
        raise RequestError(f"{path} has no codes in column {column or (index or 0) + 1}. {ADVICE}")
    return list(dict.fromkeys(codes))
