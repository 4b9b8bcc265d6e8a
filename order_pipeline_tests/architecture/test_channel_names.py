"""No channel is named outside its own folders: the rest of the code asks the registry (docs/add-a-channel.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from order_pipeline.channels.registry import NAMES
from order_pipeline_tests.architecture.mentions import is_of_a_channel, names_in_python, names_in_sql, names_in_yml

ROOT = Path(__file__).resolve().parents[2]
READERS = {".py": names_in_python, ".sql": names_in_sql, ".yml": names_in_yml}
FILES = [
    path.relative_to(ROOT)
    for folder in ("order_pipeline", "dbt_style_sql")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in READERS
]

MAY_NAME_CHANNELS = {
    "order_pipeline/sandbox": "the fakes are of channels, and the sandbox has a list of its own",
    "order_pipeline/channels/registry.py": "the one line",
    "dbt_style_sql/dbt_project.yml": "which fees an API states, and whom real dbt picks where nobody says",
    "dbt_style_sql/models/staging/common/stg_common__order_line_prices.sql": (
        "Kibo's `price_includes_tax` is inferred, and a price says only what its channel stated"
    ),
}


def is_allowed(path: Path) -> bool:
    return is_of_a_channel(path, NAMES) or any(path.is_relative_to(allowed) for allowed in MAY_NAME_CHANNELS)


@pytest.mark.parametrize("path", [path for path in FILES if not is_allowed(path)], ids=Path.as_posix)
def test_no_channel_is_named(path: Path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert list(READERS[path.suffix](text, NAMES)) == []


@pytest.mark.parametrize("path", MAY_NAME_CHANNELS)
def test_an_exception_is_needed(path: str):
    found = [each for each in FILES if each.is_relative_to(path)]
    assert any(list(READERS[each.suffix]((ROOT / each).read_text(encoding="utf-8"), NAMES)) for each in found)


@pytest.mark.parametrize(
    "code",
    [
        'CHANNEL = "kibo"',
        "SQL = \"SELECT 1 WHERE source = 'kibo'\"",
        "TITLE = 'Kibo'",
        "KIBO_JOB = 1",
        "settings.kibo.enabled",
        "from order_pipeline.channels import kibo",
        "from order_pipeline.channels.kibo.client import x",
        "def read_kibo(): ...",
        "f(kibo=1)",
        'f"/webhooks/kibo/{token}"',
        "class KiboSettings: ...",
    ],
)
def test_a_channel_that_code_names_is_found(code: str):
    assert list(names_in_python(code, ["kibo"]))


@pytest.mark.parametrize(
    "code",
    [
        '"""Reads a channel, for example kibo."""',
        "X = 1  # as kibo does",
        'help = "Orders a day at Kibo; the others have a fifth."',
        'reason = "the price is per unit or line (docs/apis/kibo.md section 7)"',
    ],
)
def test_a_channel_may_be_an_example_for_people(code: str):
    assert list(names_in_python(code, ["kibo"])) == []


def test_sql_and_yml_are_read_without_their_comments():
    sql = "-- as kibo does\nSELECT 1 {# kibo #}\nFROM x WHERE source = 'kibo'"
    assert list(names_in_sql(sql, ["kibo"])) == ["FROM x WHERE source = 'kibo'"]
    yml = "# kibo\n- name: orders\n  description: kibo\n    and more kibo\n- name: stg_kibo__orders"
    assert list(names_in_yml(yml, ["kibo"])) == ["- name: stg_kibo__orders"]


@pytest.mark.parametrize(
    ("path", "is_its_own"),
    [
        ("order_pipeline/channels/kibo/client.py", True),
        ("dbt_style_sql/models/staging/kibo/schema.yml", True),
        ("dbt_style_sql/macros/kibo.sql", True),
        ("dbt_style_sql/models/marts/pick_candidates__kibo.sql", True),
        ("order_pipeline/cli/kibo_job.py", False),
    ],
)
def test_a_channels_own_files_are_those_in_its_folders_or_of_its_name(path: str, is_its_own: bool):
    assert is_of_a_channel(Path(path), ["kibo"]) is is_its_own
