"""The demo guard: fake orders never reach a real floor, nor do real stores get marks of a demo.

A data directory holds either a demo (`demo_world.json` stands in it) or real orders. A demo's picks may go to this
machine only. Its stores lie in its directory, unless it was begun with `demo --outside-stores`: those bear a mark then,
by which `recovery.judging` keeps demos and real orders apart. Every way to ScanOrders passes `refuse_demo_orders`:
sending (`picking.sending.emission`), reading back and pushing statuses (`scanorders.open_transport`), logging in
(`scanorders_login`).
"""

from __future__ import annotations

import msgspec

from order_pipeline.destinations.settings import PipelineSettings, setting_of
from order_pipeline.http.environment import is_loopback
from order_pipeline.http.errors import NotConfigured

ELSEWHERE = "choose another ORDER_PIPELINE_DATA_DIR, or `make clean` if nothing in it is needed"


class _World(msgspec.Struct):
    outside_stores: bool = False


class DemoDirectoryError(NotConfigured):
    """The data directory holds a demo, and a setting leads out of it. Nothing was sent."""

    next_step = f"Correct the settings that name stores, or {ELSEWHERE}."


def refuse_demo_orders(settings: PipelineSettings) -> None:
    """Let nothing of a demo reach a ScanOrders on another machine, nor leave marks in stores outside of the demo.

    Raises:
        DemoDirectoryError: it would; the message says what to do.
    """
    if not settings.demo_world_file.exists():
        return
    place = f"{settings.data_dir} holds a demo's fake orders ({settings.demo_world_file.name})"
    for floor, there in settings.floor_settings.items():
        if not is_loopback(there.base_url):
            raise DemoDirectoryError(
                f"{place}, but {setting_of(floor, 'BASE_URL')} is {there.base_url}: fake orders must not "
                f"reach a real floor. Nothing was sent. For real orders {ELSEWHERE}."
            )
    outside = stores_outside(settings)
    if outside and not may_use_outside_stores(settings):
        raise DemoDirectoryError(
            f"{place}, but {' and '.join(outside)} name a store outside of it. Nothing was sent. Unset them for the "
            f"demo; for real orders {ELSEWHERE}."
        )


def stores_outside(settings: PipelineSettings) -> list[str]:
    """The settings that put a store elsewhere than into the data directory."""
    stores = {
        "ORDER_PIPELINE_OPERATIONS_URL": settings.operations_url,
        "ORDER_PIPELINE_LAKE__CATALOG": settings.lake.catalog,
        "ORDER_PIPELINE_LAKE__DATA_PATH": settings.lake.data_path,
        "ORDER_PIPELINE_DAGSTER_STORAGE_URL": settings.dagster_storage_url,
    }
    return [name for name, value in stores.items() if value is not None]


def may_use_outside_stores(settings: PipelineSettings) -> bool:
    """Whether the directory's demo was begun on stores outside of it; False where there is no demo."""
    try:
        world = msgspec.json.decode(settings.demo_world_file.read_bytes(), type=_World)
    except FileNotFoundError:
        return False
    return world.outside_stores
