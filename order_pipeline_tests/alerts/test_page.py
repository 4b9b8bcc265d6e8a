"""The page for operators has a section for each kind of alert, which says what it means and what to do."""

import re

from order_pipeline.alerts.kinds import Kind
from order_pipeline_tests.shared_demo import PROJECT

PAGE = PROJECT / "docs/operating.md"
SHORTEST = 60


def sections(text):
    """Title -> text of the third-level sections below `When it calls`."""
    _, _, calls = text.partition("\n## When it calls\n")
    calls = calls.partition("\n## ")[0]
    return {
        title: body.strip()
        for title, body in re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", calls, re.MULTILINE | re.DOTALL)
    }


def missing(text):
    """Kinds without a section that says something, and sections of no kind."""
    found = sections(text)
    silent = {kind.value for kind in Kind if len(found.get(kind.value, "")) < SHORTEST}
    return silent | (found.keys() - {kind.value for kind in Kind})


def test_each_kind_of_alert_has_its_paragraph():
    assert missing(PAGE.read_text(encoding="utf-8")) == set()


def test_a_kind_without_a_paragraph_and_a_paragraph_without_a_kind_are_seen():
    text = PAGE.read_text(encoding="utf-8")
    assert missing(text.replace("### disk\n", "### disc\n")) == {"disk", "disc"}
    start = text.index("### doubts\n") + len("### doubts\n")
    assert missing(text[:start] + text[text.index("\n### ", start) :]) == {"doubts"}
