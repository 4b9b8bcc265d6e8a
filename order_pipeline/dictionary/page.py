"""The dictionary as one HTML page that needs nothing else: no file beside it, no network, no build step."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from order_pipeline.channels import registry
from order_pipeline.dictionary.entries import TableEntry
from order_pipeline.dictionary.tables import read_dictionary, schema_sentences
from order_pipeline.warehouse.sql.project import SqlProject

_FOLDER = Path(__file__).parent
_LONGEST_KIND = 40


def dictionary_page(project: SqlProject) -> str:
    """The page about every table and view of the program. It opens no store, and holds no record of anybody.

    Raises:
        duckdb.Error: a model does not run.
    """
    return render(read_dictionary(project))


def render(entries: Sequence[TableEntry]) -> str:
    """The page about these tables."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    templates.filters["short"] = _short
    css, js = ((_FOLDER / f"page.{ending}").read_text(encoding="utf-8") for ending in ("css", "js"))
    read_by = defaultdict[str, list[str]](list)
    for entry in entries:
        for relation in entry.reads:
            read_by[relation].append(entry.relation)
    return templates.get_template("page.html").render(
        entries=entries,
        known={entry.relation for entry in entries},
        columns=sum(len(entry.columns) for entry in entries),
        schemas=schema_sentences(),
        read_by=read_by,
        titles={name: channel.title for name, channel in registry.channels().items()},
        css=Markup(css),  # noqa: S704 - a file of ours
        js=Markup(js),  # noqa: S704 - a file of ours
        policy=f"default-src 'none'; style-src {_allowed(css)}; script-src {_allowed(js)}; base-uri 'none'",
    )


def _allowed(text: str) -> str:
    """How a content security policy allows one inline text, and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _short(kind: str) -> str:
    """A type that fits a cell: of a long struct only that it is one."""
    named = kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    if len(named) <= _LONGEST_KIND:
        return named
    return re.sub(r"\(.*\)", "(...)", named, flags=re.DOTALL)
