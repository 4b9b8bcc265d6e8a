"""Where code, SQL and yml name a channel: in identifiers, imports, texts that a program reads, relations, keys.

What is for people may name a channel as an example: comments, docstrings, and its title (`Skroutz`) in a sentence. So a
text counts when it holds the name as programs write it, in lower case, or is nothing but the name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

PAGE = re.compile(r"\b\w+\.md\b")
SQL_COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
YML_PROSE = re.compile(r"#[^\n]*|\bdescription: (?:(?!\n\s*(?:- )?\w+:).)*", re.DOTALL)


def names_in_python(source: str, names: Collection[str]) -> Iterator[str]:
    """Each mention, with its line."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) not in prose:
            for text, is_code in _texts_of(node):
                searched = text.lower() if is_code or " " not in text else PAGE.sub("", text)
                yield from (f"line {getattr(node, 'lineno', 0)}: {text}" for name in names if name in searched)


def _texts_of(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """The node's own texts, and whether each is an identifier."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, (str, bytes)):
            yield node.value if isinstance(node.value, str) else node.value.decode("latin1"), False
        return
    for field, value in ast.iter_fields(node):
        if isinstance(value, str) and field in {"id", "attr", "name", "asname", "arg", "module"}:
            yield value, True


def names_in_sql(text: str, names: Collection[str]) -> Iterator[str]:
    """Each line that names a channel outside its comments."""
    yield from _lines_with(SQL_COMMENT.sub(" ", text), names)


def names_in_yml(text: str, names: Collection[str]) -> Iterator[str]:
    """Each line that names a channel outside comments and descriptions."""
    yield from _lines_with(YML_PROSE.sub("", text), names)


def _lines_with(text: str, names: Collection[str]) -> Iterator[str]:
    yield from (line.strip() for line in text.splitlines() if any(name in line.lower() for name in names))


def is_of_a_channel(path: Path, names: Collection[str]) -> bool:
    """Whether the path lies in a channel's folder, or the file carries a channel's name."""
    folders, file = path.parts[:-1], path.stem
    return any(name in folders or file == name or file.endswith(f"__{name}") for name in names)
