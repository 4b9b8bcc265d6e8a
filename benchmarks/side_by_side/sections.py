"""What a part of the benchmark found, as JSON beside the page: each part is written when it is done, and others stay.

So the parts can be measured in several calls, on several days; every section says when, and under what load.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

NAME = "side_by_side"
"""Of the JSON, the page and the plots."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a part measured.

    Attributes:
        columns: heads of the table.
        rows: cells as they are shown; the first of a row names the tool.
        base: the tool that the others are compared with in the plot.
        medians: seconds by tool, for the plot; empty where nothing is timed.
        runs: seconds of every timed run by tool, in the order in which they were taken.
        failures: what went wrong, a line each.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    base: str = ""
    medians: Mapping[str, float] = field(default_factory=dict)
    runs: Mapping[str, Sequence[float]] = field(default_factory=dict)
    failures: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part's findings, and the circumstances.

    Attributes:
        about: what was done, in a sentence or two, with the volume.
        started: UTC, ISO.
        ended: UTC, ISO.
        load: the machine's load average of one minute, at the start and at the end.
        machine: processor, memory and system, in a sentence.
        versions: of Python and of the tools.
    """

    about: str
    started: str
    ended: str
    load: Sequence[float]
    machine: str
    versions: str
    findings: Findings


def read_sections(directory: Path) -> dict[str, Section]:
    """The sections that were written there before, by part; empty where none were."""
    file = directory / f"{NAME}.json"
    if not file.exists():
        return {}
    stored = json.loads(file.read_text(encoding="utf-8"))
    return {name: Section(**{**each, "findings": Findings(**each["findings"])}) for name, each in stored.items()}


def store_section(directory: Path, name: str, section: Section) -> dict[str, Section]:
    """Put the section in the place of an earlier one of that part; all sections as they stand then.

    The file is replaced in one step, so a benchmark that is stopped while it writes leaves the earlier one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    sections = {**read_sections(directory), name: section}
    text = json.dumps({name: asdict(each) for name, each in sections.items()}, indent=1, ensure_ascii=False)
    half = directory / f".{NAME}.json.new"
    half.write_text(text + "\n", encoding="utf-8")
    half.replace(directory / f"{NAME}.json")
    return sections
