"""Which documented keys of a channel's answers its SQL leaves in raw.

What is known comes from its model of unknown keys, what is read from the shapes that its models give to `read_json`.

A path has no `$`, no `[*]`, and a dot between a container and its key: `order.customer.phone`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from order_pipeline.warehouse.sql.project import SqlProject

_KNOWN = re.compile(r"'(\$[^']*)' AS container,.*?NOT IN \((.*?)\)", re.DOTALL)
_READ = re.compile(r"read_json\w*\((.*?),\s*'([{\[].*?[}\]])'\)", re.DOTALL)
_RENAMED = {"tracking": "trackingInformation"}  # what a model calls a container by another name
_NAMES = re.compile(r"'([^']+)'")


def known_fields(project: SqlProject, channel: str) -> set[str]:
    """Every key that the contract knows, as the channel's model of unknown keys names it."""
    sql = project.render(f"stg_{channel}__unknown_keys").sql
    return {_path(f"{container}.{key}") for container, keys in _KNOWN.findall(sql) for key in _NAMES.findall(keys)}


def fields_left_in_raw(project: SqlProject, channel: str) -> set[str]:
    """The known keys that no shape of the channel's SQL has.

    A shape that reads a whole payload has whole paths. One that reads a part of it has paths within that part, so they
    are compared with the ends of whole ones. Answers of several operations of a channel count as one.
    """
    whole, within = _read_fields(project, channel)
    return {
        field
        for field in known_fields(project, channel)
        if field not in whole and not any(f".{field}".endswith(f".{path}") for path in within)
    }


def _read_fields(project: SqlProject, channel: str) -> tuple[set[str], set[str]]:
    whole: set[str] = set()
    within: set[str] = set()
    for model in project.models.values():
        if f"_{channel}__" in model.path.stem and "unknown_keys" not in model.path.stem:
            for leaf, shape in _READ.findall(model.path.read_text(encoding="utf-8")):
                words = re.findall(r"\w+", leaf)
                part = _RENAMED.get(words[-1], words[-1])
                paths = set(_leaves(json.loads(shape)))
                if "payload" in words:
                    whole |= {_path(path) for path in paths}
                else:
                    within |= {_path(f"{part}.{path}") for path in paths}
    return whole, within


def _leaves(shape: Any) -> Iterator[str]:
    if isinstance(shape, list):
        yield from _leaves(cast("list[Any]", shape)[0])
    elif isinstance(shape, dict):
        for key, inner in cast("dict[str, Any]", shape).items():
            yield key
            yield from (f"{key}.{path}" for path in _leaves(inner))


def _path(text: str) -> str:
    return text.replace("[*]", "").removeprefix("$").strip(".").casefold()
