"""No module writes a library's error into a text by itself: it would repeat its input. `order_pipeline.redaction` does.

Errors of our own are written by us, and pass the redaction where they are shown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from order_pipeline_tests.architecture.imports import PACKAGE

REDACTING = {"redact", "redact_message", "redact_text", "shown_text", "described", "told", "without_repeated_input"}
SHOWING = {"fail", "show_error", "Finding"}
"""What the command line prints with; it passes the redaction there."""


def written_library_errors(source: str) -> list[int]:
    """Lines on which a caught error of a library becomes part of a text, without the redaction."""
    tree = ast.parse(source)
    own = set(_own_names(tree))
    found: list[int] = []
    for handler in ast.walk(tree):
        if isinstance(handler, ast.ExceptHandler) and handler.name and not _kinds(handler) <= own:
            found += [node.lineno for node in _texts(handler, handler.name)]
    return found


def _own_names(tree: ast.Module) -> Iterator[str]:
    """Names that come from the project, or are made in this module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("order_pipeline"):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.ClassDef):
            yield node.name


def _kinds(handler: ast.ExceptHandler) -> set[str]:
    """The names of the errors that are caught; of `module.Error` the module."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(each).partition(".")[0] for each in caught if each is not None}


def _texts(node: ast.AST, error: str) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Compare) or (isinstance(child, ast.Call) and _called(child) in REDACTING | SHOWING):
            continue  # it is only looked at, or it is redacted
        if isinstance(child, ast.FormattedValue) and ast.unparse(child.value) == error:
            yield child
        elif isinstance(child, ast.Call) and ast.unparse(child) in {f"str({error})", f"repr({error})"}:
            if not (isinstance(node, ast.Call) and _called(node) == "search"):
                yield child
        else:
            yield from _texts(child, error)


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


@pytest.mark.costly
def test_a_librarys_error_is_shown_through_the_redaction_alone() -> None:
    offences = {
        path.relative_to(PACKAGE).as_posix(): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if "sandbox" not in path.parts and (lines := written_library_errors(path.read_text(encoding="utf-8")))
    }
    assert offences == {}


def test_a_module_that_does_so_is_seen() -> None:
    caught = "try:\n    f()\nexcept {}:\n    raise Wrong({}) from error"
    assert written_library_errors(caught.format("duckdb.Error as error", "f'no: {error}'")) == [4]
    assert written_library_errors(caught.format("(OSError, ValueError) as error", "str(error)")) == [4]
    assert written_library_errors(caught.format("duckdb.Error as error", "f'no: {described(error)}'")) == []
    ours = "from order_pipeline.http.errors import ApiError\n"
    assert written_library_errors(ours + caught.format("ApiError as error", "str(error)")) == []
