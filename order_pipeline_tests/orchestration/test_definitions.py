"""The definitions load, from settings alone, and say what an operator needs to know about each asset."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from order_pipeline.channels.kibo.settings import KiboSettings
from order_pipeline.channels.registry import NAMES
from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.definitions import build_definitions
from order_pipeline.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    return build_definitions(Settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def specs(definitions):
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_dagster_accepts_the_definitions(definitions):
    dg.Definitions.validate_loadable(definitions)


@pytest.mark.parametrize("table", CORE_TABLES)
def test_every_core_table_has_its_columns_and_a_blocking_check(definitions, specs, table):
    spec = specs["core/scansource"]
    columns = spec.metadata[f"columns of core.{table}"].columns
    stated = table_contract(CORE_TABLES[table]).columns
    assert [(column.name, column.type, column.constraints.nullable) for column in columns] == [
        (column.name, column.duckdb_type, column.nullable) for column in stated
    ]
    assert all(column.description for column in columns)
    checks = definitions.resolve_asset_graph().get_check_keys_for_assets({spec.key})
    blocking = {key.name for key in checks if definitions.resolve_asset_graph().get(key).blocking}
    assert f"{table}_contract_holds" in blocking


def test_every_executable_asset_has_group_owner_kind_and_description(specs, definitions):
    graph = definitions.resolve_asset_graph()
    bare = [
        name
        for name, spec in specs.items()
        if spec.key in graph.executable_asset_keys
        and not (spec.owners and spec.kinds and spec.description and spec.group_name != "default")
    ]
    assert bare == []


@pytest.mark.parametrize("source", NAMES)
def test_a_channels_core_is_built_after_all_its_raw_within_a_run(specs, source):
    upstream = {dependency.asset_key.to_user_string() for dependency in specs[f"core/{source}"].deps}
    assert {name for name in specs if name.startswith(f"raw/{source}/")} <= upstream


def test_the_groups_are_the_road_and_the_channels_a_tag(specs):
    assert {spec.group_name for spec in specs.values()} == {"raw", "staging", "core", "marts", "floor", "reference"}
    of_channels = {
        (name.split("/")[0], spec.tags.get("channel"))
        for name, spec in specs.items()
        if spec.group_name in {"raw", "staging", "core"}
    }
    assert of_channels == {(layer, name) for layer in ("raw", "staging", "core") for name in NAMES}
    assert len(specs) <= 40, "a map that fits a screen"


@pytest.mark.parametrize("source", NAMES)
def test_a_channel_reads_no_other_channels_tables(specs, source):
    others = {f"{layer}/{name}" for layer in ("raw", "staging", "core") for name in NAMES if name != source}
    for spec in (spec for spec in specs.values() if spec.tags.get("channel") == source):
        assert not {"/".join(dependency.asset_key.path[:2]) for dependency in spec.deps} & others


def test_a_table_that_a_channel_cannot_fill_is_explained_and_has_no_check(specs, definitions):
    assert "- no `core.invoices`: the Kibo API has no invoices." in specs["core/kibo"].description
    checks = definitions.resolve_asset_graph().get_check_keys_for_assets({specs["core/kibo"].key})
    assert not [key for key in checks if "invoice" in key.name]


def test_a_range_of_days_is_a_run_for_each_slice(definitions):
    graph = definitions.resolve_asset_graph()
    policies = {
        graph.get(key).backfill_policy
        for key in graph.executable_asset_keys
        if graph.get(key).partitions_def is not None
    }
    assert policies == {dg.BackfillPolicy.multi_run(31)}


def test_a_channel_that_is_switched_off_has_no_assets(tmp_path):
    off = Settings(data_dir=tmp_path, kibo=KiboSettings(enabled=False))
    keys = build_definitions(off).resolve_asset_graph().executable_asset_keys
    assert [key for key in keys if key.path == ["core", "kibo"]] == []


def test_no_secret_is_in_the_definitions(tmp_path):
    secret = "a-very-secret-key"
    loaded = build_definitions(
        Settings(data_dir=tmp_path, kibo=KiboSettings(api_key=SecretStr(secret), api_secret=SecretStr(secret)))
    )
    snapshot = repr(loaded.get_repository_def().get_all_jobs()) + repr(loaded.resolve_all_asset_specs())
    assert secret not in snapshot
    assert secret not in repr(loaded.resources)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["dagster", "definitions", "validate", "-w", "workspace.yaml"], ["dg", "check", "defs"]],
    ids=["workspace", "dg"],
)
def test_the_command_line_tools_of_dagster_accept_the_project(command):
    tool = Path(sys.executable).parent / command[0]
    done = subprocess.run([tool, *command[1:]], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
