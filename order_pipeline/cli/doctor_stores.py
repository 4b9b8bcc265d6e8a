"""What `doctor` says of the lake and the operations store: whether they open, and whether they belong together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from order_pipeline.cli.findings import Finding
from order_pipeline.settings import Settings


def look_at_stores(settings: Settings) -> Iterator[Finding]:
    """The lake and the operations store: do they open?"""
    from sqlalchemy import inspect, make_url  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from order_pipeline.operations.installation_note import NOTE_NAME  # noqa: PLC0415
    from order_pipeline.operations.locked import StoreBusyError  # noqa: PLC0415
    from order_pipeline.operations.store import OperationsStore  # noqa: PLC0415
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415
    from order_pipeline.warehouse.raw.fetch_states import read_time_ahead  # noqa: PLC0415

    lake = Lake(settings)
    kind = "embedded (SQLite catalog)" if lake.is_embedded else "PostgreSQL catalog"
    is_first_start = not (settings.data_dir / NOTE_NAME).exists()
    state, missing = ("ok", "not made yet, the first run makes it") if is_first_start else ("missing", "see below")
    try:
        if not lake.is_made():
            yield Finding("lake", state, f"{kind}: {missing}")
        else:
            with closing(lake.connect(read_only=True)) as connection:  # without the operations store: it is asked below
                counted = connection.execute("SELECT count(*) FROM lake.snapshots()").fetchone()
                ahead = read_time_ahead(connection, datetime.now(UTC))
            yield Finding("lake", "ok", f"{kind}: {counted[0] if counted else 0} snapshots")
            if ahead is not None:
                found = (
                    f"a report of a fetch is {ahead} later than now: the clock stood ahead then, or stands behind now"
                )
                yield Finding("clock", "waits", found, "Check the time service of this machine.")
    except LakeError as error:
        yield Finding(
            "lake", "failed", str(error), error.next_step or "Check ORDER_PIPELINE_LAKE__CATALOG and __DATA_PATH."
        )
    url = settings.resolved_operations_url
    address = make_url(url)
    is_file = address.get_backend_name() == "sqlite"
    shown = str(address.database) if is_file else address.render_as_string(hide_password=True)
    if is_file and not Path(shown).exists():
        yield Finding("operations store", state, f"{shown}: {missing}")
        return
    try:
        store = OperationsStore(url)
        with store.reading() as connection:
            inspect(connection).get_table_names()
            yield Finding("operations store", "ok", shown)
        store.close()
    except StoreBusyError as error:
        yield Finding("operations store", "failed", str(error), error.next_step)
    except (SQLAlchemyError, OSError) as error:
        yield Finding("operations store", "failed", f"{shown}: {type(error).__name__}", "Check OPERATIONS_URL.")


def look_at_versions(settings: Settings) -> Iterator[Finding]:
    """The versions of the stores, and whether this program can use them; changes nothing."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from order_pipeline.operations.store import OperationsStore  # noqa: PLC0415
    from order_pipeline.operations.versions import StoreVersionError  # noqa: PLC0415
    from order_pipeline.recovery.upgrading import plan_stores  # noqa: PLC0415
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415

    what = "store versions"
    try:
        with closing(OperationsStore(settings.resolved_operations_url)) as store, closing(Lake(settings)) as lake:
            plan = plan_stores(store, lake)
        plan.lake.require_possible()
    except StoreVersionError as error:
        yield Finding(what, "failed", error.args[0], error.next_step)
        return
    except (LakeError, SQLAlchemyError, OSError):
        return  # said above
    waits = (plan.operations.version is not None and not plan.operations.is_current) or (
        plan.lake.version is not None and not plan.lake.is_current
    )
    told = "; ".join(line for line in plan.in_words() if not line.startswith(" "))
    advice = "The next run upgrades them by itself; order-pipeline upgrade says what it does." if waits else ""
    yield Finding(what, "waits" if waits else "ok", " ".join(told.split()), advice)


def look_at_what_belongs_together(settings: Settings) -> Iterator[Finding]:
    """Whether the stores are of one installation and equally new; only looks, and names nothing."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from order_pipeline.operations.installation_note import DamagedNoteError  # noqa: PLC0415
    from order_pipeline.operations.store import OperationsStore  # noqa: PLC0415
    from order_pipeline.recovery.judging import installation_ids, judge  # noqa: PLC0415
    from order_pipeline.recovery.stores import StoresDisagreeError, look  # noqa: PLC0415
    from order_pipeline.warehouse.lake.connection import Lake, LakeError  # noqa: PLC0415

    what = "stores together"
    try:
        with closing(OperationsStore(settings.resolved_operations_url)) as store, closing(Lake(settings)) as lake:
            found = look(settings, store, lake)
    except (LakeError, SQLAlchemyError, OSError):
        return  # said above
    except StoresDisagreeError as error:
        yield Finding(what, "failed", error.args[0], error.next_step)
        return
    except DamagedNoteError as error:
        yield Finding(what, "failed", str(error), "Until then nothing runs.")
        return
    problem = judge(found)
    if problem is not None:
        yield Finding(what, "failed", f"{problem.store}: {problem.found}", "; ".join(problem.commands))
    elif not installation_ids(found):
        yield Finding(what, "ok", "no installation yet, the first run makes one")
    else:
        detail = "one installation, each as new as the others know it"
        yield Finding(what, "ok", detail if found.witness else f"{detail}; no witness outside of the data directory")
