"""The stores of a demo: its own in the data directory, or empty ones outside that bear its mark from then on."""

from __future__ import annotations

from contextlib import closing

from pyarrow import fs
from sqlalchemy import select

from order_pipeline.cli.output import fail
from order_pipeline.destinations.demo_guard import may_use_outside_stores, stores_outside
from order_pipeline.operations.inbox import webhook_inbox
from order_pipeline.operations.installation import read_identity
from order_pipeline.operations.store import OperationsStore, open_store
from order_pipeline.operations.tables import pick_outbox
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake, relations


def real_orders_in(settings: Settings) -> str | None:
    """What the data directory holds of real orders, when no demo was made in it; None: nothing.

    A lake counts whatever it holds; an operations store only with picks or webhooks in it, as looking at it makes one.
    """
    if (settings.data_dir / "catalog.sqlite").exists():
        return "a lake"
    if not (settings.data_dir / "operations.sqlite").exists():
        return None
    with open_store(settings.resolved_operations_url) as store:
        return _orders_in(store)


def require_stores_for_demo(settings: Settings, *, outside_stores: bool) -> None:
    """End the command when fake orders would come into a store that a setting names and nobody gave to the demo.

    Args:
        settings: that name the stores.
        outside_stores: whoever began the demo said so.
    """
    outside = stores_outside(settings)
    if outside and not (outside_stores or may_use_outside_stores(settings)):
        fail(
            f"{' and '.join(outside)} name a store outside of {settings.data_dir}: fake orders do not belong there.",
            "Unset them for the demo; it keeps everything in its data directory. To try it on empty stores that are "
            "the demo's alone from then on: order-pipeline demo --outside-stores",
            code=2,
        )


def require_empty_outside_stores(settings: Settings) -> None:
    """End the command unless the stores that settings name are empty: a demo begins on such alone."""
    for setting, found in _in_use(settings):
        fail(
            f"ORDER_PIPELINE_{setting} names {found}: a demo begins on empty stores alone.",
            "Make an empty database and an empty place in the bucket for it.",
            code=2,
        )


def _in_use(settings: Settings) -> list[tuple[str, str]]:
    found: list[tuple[str, str | None]] = []
    if settings.operations_url is not None:
        with open_store(settings.operations_url) as store:
            found.append(("OPERATIONS_URL", _orders_in(store) or _name_of(store)))
    with closing(Lake(settings)) as lake:
        if settings.lake.data_path is not None:
            found.append(("LAKE__DATA_PATH", _files_in(lake)))
        if settings.lake.catalog is not None:
            with lake.snapshot() as connection:
                found.append(("LAKE__CATALOG", "a lake" if relations(connection) else None))
    return [(setting, what) for setting, what in found if what is not None]


def _orders_in(store: OperationsStore) -> str | None:
    with store.reading() as connection:
        for table, meaning in ((pick_outbox, "picks"), (webhook_inbox, "received webhooks")):
            if connection.execute(select(table).limit(1)).first() is not None:
                return meaning
    return None


def _name_of(store: OperationsStore) -> str | None:
    with store.reading() as connection:
        identity = read_identity(connection)
    return f"the store of installation {identity.installation_id[:8]}" if identity else None


def _files_in(lake: Lake) -> str | None:
    system, path = lake.files.file_system()
    found = system.get_file_info(fs.FileSelector(path.rstrip("/"), allow_not_found=True))
    return f"a place with {len(found)} files or folders" if found else None
