"""What the dictionary leaves open: a test wants nothing here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from order_pipeline.dictionary.entries import TableEntry
from order_pipeline.dictionary.source_fields import columns_without_a_row, source_fields
from order_pipeline.dictionary.units import is_number
from order_pipeline.dictionary.words import MISSING


def what_is_missing(
    entries: Iterable[TableEntry], schemas: Mapping[str, str], page: str | None = None
) -> Iterator[str]:
    """Each schema, table and column without a sentence, number without a unit, core column without its fields.

    Args:
        entries: the dictionary.
        schemas: each schema with its sentence.
        page: the text of docs/apis/common_schema.md; None: as it stands in the repository.
    """
    for entry in entries:
        if not schemas.get(entry.schema):
            yield f"{entry.schema}: no sentence"
        if _is_open(entry.sentence):
            yield f"{entry.relation}: no sentence"
        for column in entry.columns:
            if _is_open(column.sentence):
                yield f"{entry.relation}.{column.name}: no sentence"
            if is_number(column.kind) and not column.unit:
                yield f"{entry.relation}.{column.name}: a {column.kind} without a unit"
    for name in columns_without_a_row(source_fields(page)):
        yield f"core.{name}: no row in docs/apis/common_schema.md"


def _is_open(sentence: str) -> bool:
    return sentence in {"", MISSING}
