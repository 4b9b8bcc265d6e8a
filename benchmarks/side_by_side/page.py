"""The sections as a page in Markdown and as a plot, in the order of the parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pygal
from pygal.style import CleanStyle

import order_pipeline.report.charts  # noqa: F401 - takes away the finder of pygal, on which others fail
from benchmarks.side_by_side.sections import NAME, Findings, Section

INTRODUCTION = """\
# Our road beside its peers

`python -m benchmarks.side_by_side`; `benchmarks/README.md` says what is compared with what, and why it is fair.
The fakes run in a process of their own, and each tool as a process of its own in a new directory: one warm-up, then
the timed runs in turn. Seconds are of the work, without imports: the median, and the range. A tool's time is shown
only when it left exactly what the fake has; otherwise the reason stands in its place. Peers that do less are named
with what they give.
"""
_ROUND = 0.01
COLOURS = ("#9aa0a6", "#1a5fb4", "#62a0ea", "#2ec27e", "#c01c28", "#e66100", "#f5c211")
_OF_TEXT = frozenset({"tool", "gives", "emitter", "staged by"})
"""Columns that are no numbers."""


def write_page(directory: Path, sections: Mapping[str, Section], order: Sequence[str]) -> None:
    """The page and the plot beside the JSON; parts that are not in `order` are no longer shown."""
    shown = {name: sections[name] for name in order if name in sections}
    directory.joinpath(f"{NAME}.md").write_text(markdown(shown), encoding="utf-8")
    for base, file in plots(shown).items():
        of_base = {name: section.findings for name, section in shown.items() if section.findings.base == base}
        plot(of_base).render_to_file(str(directory / file))


def plots(sections: Mapping[str, Section]) -> dict[str, str]:
    """Files of the plots by the tool that all bars of one are compared with: other tools fill no place in it."""
    bases = dict.fromkeys(section.findings.base for section in sections.values() if section.findings.base)
    return {base: f"{NAME}_{number}.svg" for number, base in enumerate(bases, 1)}


def markdown(sections: Mapping[str, Section]) -> str:
    """The page."""
    newest = max(sections.values(), key=lambda section: section.ended)
    parts = [
        INTRODUCTION,
        f"Machine: {newest.machine}. {newest.versions}.\n",
        *(f"![seconds as multiples of {base}]({file})" for base, file in plots(sections).items()),
        *(_section(name, section, newest) for name, section in sections.items()),
    ]
    return "\n".join(parts) + "\n"


def _section(name: str, section: Section, newest: Section) -> str:
    found = section.findings
    elsewhere = (section.machine, section.versions) != (newest.machine, newest.versions)
    lines = [
        f"\n## {name}\n",
        f"{section.about}\n",
        "| " + " | ".join(found.columns) + " |",
        "|" + "|".join("---" if column in _OF_TEXT else "---:" for column in found.columns) + "|",
        *("| " + " | ".join(row) + " |" for row in found.rows),
        f"\n{_circumstances(section)}" + (f" Machine: {section.machine}. {section.versions}." if elsewhere else ""),
        *(f"\n- {failure}" for failure in found.failures),
    ]
    return "\n".join(lines)


def _circumstances(section: Section) -> str:
    started, ended = (datetime.fromisoformat(moment) for moment in (section.started, section.ended))
    minutes = (ended - started).total_seconds() / 60
    at_start, at_end = section.load
    return (
        f"{started:%Y-%m-%d %H:%M} UTC, {minutes:.0f} minutes; load average {at_start:.1f} at the start, {at_end:.1f}"
        " at the end (the benchmark's own load is in the second)."
    )


def plot(found: Mapping[str, Findings]) -> pygal.HorizontalBar:
    """The medians as multiples of ours, so that a small workload and a large one fit in one picture."""
    upwards = dict([*found.items()][::-1])  # pygal draws from below, and a list is read from above
    tools = dict.fromkeys(tool for each in found.values() for tool in each.medians)
    chart = pygal.HorizontalBar(
        title=f"Seconds as multiples of {next(iter(found.values())).base} (shorter is better)",
        x_labels=list(upwards),
        js=[],
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        truncate_legend=-1,
        width=1000,
        height=200 + 24 * len(tools) * len(found),
        style=CleanStyle(colors=COLOURS),
    )
    for tool in tools:
        chart.add(tool, [_multiple(each.medians, each.base, tool) for each in upwards.values()])
    return chart


def _multiple(medians: Mapping[str, float], base: str, tool: str) -> float | None:
    ours, theirs = medians.get(base), medians.get(tool)
    return round(theirs / max(ours, _ROUND), 2) if ours is not None and theirs is not None else None
