"""Does what a page says: takes its code blocks that name a file, and writes them into a copy of the repository.

The first line of such a block says what to do: `new <file>`, `append <file>`, or `insert <file> after <line>`.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("order_pipeline", "dbt_style_sql", "dagster.yaml", "workspace.yaml", "pyproject.toml")
BLOCK = re.compile(r"^```\w+ (new|append|insert) (\S+)(?: after ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One block of the page."""

    action: str
    path: str
    after: str
    text: str


def steps_of(page: Path) -> list[Step]:
    """The page's blocks that name a file, in order."""
    return [Step(*found) for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


def copy_repository(to: Path) -> None:
    """The program and its SQL, without what it made."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__", "target"))
        else:
            shutil.copy(ROOT / name, to / name)


def take(step: Step, root: Path) -> None:
    """Do what the block says.

    Raises:
        ValueError: a new file is there already, or the line to insert after is not there once.
    """
    path = root / step.path
    if step.action == "new":
        if path.exists():
            raise ValueError(f"{step.path} is there already")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    if step.action == "append":
        path.write_text(before + step.text, encoding="utf-8")
        return
    if before.count(f"{step.after}\n") != 1:
        raise ValueError(f"{step.path} has the line {step.after!r} {before.count(step.after)} times")
    path.write_text(before.replace(f"{step.after}\n", f"{step.after}\n{step.text}"), encoding="utf-8")
