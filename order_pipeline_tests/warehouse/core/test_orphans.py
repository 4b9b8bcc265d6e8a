"""Children whose order is in another chunk, on another day, rejected, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from order_pipeline.settings import LakeSettings
from order_pipeline.warehouse.core.build import CoreResult, build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline_tests.warehouse.core.shop import receive_shop, shop_project
from order_pipeline_tests.warehouse.kibo_orders import DAY, rows
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

pytestmark = pytest.mark.costly

NEXT_DAY = DAY + timedelta(days=1)


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory) -> SqlProject:
    return shop_project(tmp_path_factory.mktemp("project") / "sql")


@pytest.fixture(params=[60, pytest.param(64_000_000, marks=pytest.mark.slow)], ids=["a chunk a record", "one chunk"])
def shop(lake: Lake, request: pytest.FixtureRequest) -> Iterator[Lake]:
    """A lake whose builds stage each day, or each record, by itself or all together."""
    lake.close()
    chunks = LakeSettings(lock_timeout_seconds=20, build_chunk_bytes=request.param)
    shop = Lake(settings_in(Path(lake.settings.data_dir), chunks))
    yield shop
    shop.close()


def build(lake: Lake, project: SqlProject) -> CoreResult:
    return build_core(lake, "kibo", [], "build", project=project)


def parcels(lake: Lake) -> list[str]:
    return [parcel for (parcel,) in rows(lake, "SELECT parcel_id FROM core.parcels ORDER BY parcel_id")]


def rejects(lake: Lake) -> list[tuple[str, ...]]:
    return rows(
        lake, "SELECT key, rule, field, value FROM quarantine.rejects WHERE table_name = 'parcels' ORDER BY key, rule"
    )


def test_a_parcel_finds_its_order_in_its_chunk_in_another_and_in_core(shop: Lake, project: SqlProject) -> None:
    receive_shop(shop, DAY, orders=["1", "2"], parcels=[("p1", "1"), ("p2", "2"), ("p3", "of the next day")])
    receive_shop(shop, NEXT_DAY, orders=["of the next day"], parcels=[("p4", "1")])
    assert build(shop, project).rows["parcels"] == 4
    receive_shop(shop, NEXT_DAY, parcels=[("p5", "2")])
    assert build(shop, project).days == (NEXT_DAY,)
    assert parcels(shop) == ["p1", "p2", "p3", "p4", "p5"]
    assert rejects(shop) == []


def test_a_parcel_without_an_order_is_an_orphan_until_the_order_comes(shop: Lake, project: SqlProject) -> None:
    receive_shop(shop, DAY, orders=["1"], parcels=[("p1", "1"), ("p2", "nowhere")])
    result = build(shop, project)
    assert (result.rows["parcels"], result.rejects_by_rule) == (1, {"orphan": 1})
    assert rejects(shop) == [("p2", "orphan", "order_id", "nowhere")]
    receive_shop(shop, DAY, orders=["nowhere"])
    assert build(shop, project).quarantine.resolved == 1
    assert parcels(shop) == ["p1", "p2"]


def test_an_order_that_left_core_leaves_its_parcel_an_orphan(shop: Lake, project: SqlProject) -> None:
    receive_shop(shop, DAY, orders=["1"], parcels=[("p1", "1")])
    build(shop, project)
    receive_shop(shop, NEXT_DAY, orders=["1"])
    shop.run("it moved away", lambda connection: connection.execute("DELETE FROM raw.stale_partitions"))
    build_core(shop, "kibo", [DAY], "build", project=project)
    assert rejects(shop) == [("p1", "orphan", "order_id", "1")]


def test_a_parcel_that_breaks_another_rule_is_rejected_wherever_its_order_is(shop: Lake, project: SqlProject) -> None:
    receive_shop(shop, DAY, orders=["1"])
    receive_shop(shop, NEXT_DAY, parcels=[("bad", "1"), ("bad", "nowhere")])
    build(shop, project)
    assert parcels(shop) == []
    assert rejects(shop) == [
        ("1:?1", "missing_key", "parcel_id", None),
        ("nowhere:?1", "missing_key", "parcel_id", None),
        ("nowhere:?1", "orphan", "order_id", "nowhere"),
    ]


def test_a_rejected_order_takes_its_parcel_along(lake: Lake, project: SqlProject) -> None:
    receive_shop(lake, DAY, orders=["bad 1"], parcels=[("p1", "bad 1")])
    build(lake, project)
    assert rejects(lake) == [("p1", "parent_rejected", "order_id", "bad 1")]
    assert parcels(lake) == []
