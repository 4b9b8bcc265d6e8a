"""The pages of the repository point to what is there: links, modules, decisions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("dbt_style_sql/*.md"), *ROOT.glob("deploy/*.md")]
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
MODULE = re.compile(r"`([a-z_]+(?:/[a-z_]+)*/[a-z_]+\.py)`")
CITATION = re.compile(r"[\w./-]+\.md\b")
CODE = ("order_pipeline", "order_pipeline_tests", "dbt_style_sql", "benchmarks")
MODULE_ROOTS = (ROOT, ROOT / "order_pipeline")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def broken_links(text: str, folder: Path) -> list[str]:
    """Targets of the page's relative links that do not exist."""
    targets = [target for target in LINK.findall(text) if "://" not in target]
    return [target for target in targets if not (folder / target).exists()]


def missing_modules(text: str) -> list[str]:
    """Modules that the page names by their path, below the repository or below `order_pipeline/`, and that are gone."""
    return [path for path in MODULE.findall(text) if not any((root / path).exists() for root in MODULE_ROOTS)]


def unknown_pages(text: str) -> list[str]:
    """Pages that the text cites and that do not exist below the repository's root."""
    return [page for page in CITATION.findall(text) if not (ROOT / page).exists()]


@each_page
def test_links_lead_to_files_of_the_repository(page: Path):
    assert broken_links(page.read_text(encoding="utf-8"), page.parent) == []


@each_page
def test_modules_that_a_page_names_exist(page: Path):
    assert missing_modules(page.read_text(encoding="utf-8")) == []


def test_the_index_of_the_decisions_names_every_page():
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in sorted(folder.glob("0*.md")) if f"({page.name})" not in index] == []


def test_a_link_to_nowhere_and_a_module_that_is_gone_are_seen():
    text = "See [the page](no_such_page.md#part), [outside](https://example.com/x.md), `http/no_such_module.py`."
    assert broken_links(text, ROOT) == ["no_such_page.md"]
    assert missing_modules(text) == ["http/no_such_module.py"]


def test_code_cites_only_pages_of_the_repository():
    sources = [
        path for folder in CODE for ending in ("py", "sql", "yml") for path in (ROOT / folder).rglob(f"*.{ending}")
    ]
    offences = {
        path.relative_to(ROOT).as_posix(): cited
        for path in sources
        if path != Path(__file__).resolve() and (cited := unknown_pages(path.read_text(encoding="utf-8")))
    }
    assert offences == {}


def test_a_citation_of_a_page_elsewhere_is_seen():
    assert unknown_pages("As kibo.md section 3 and DESIGN.md say; see docs/apis/kibo.md.") == ["kibo.md", "DESIGN.md"]
