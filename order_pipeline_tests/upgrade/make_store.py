"""Writes an installation as this commit makes it, small, to be opened by every later one.

`python -m order_pipeline_tests.upgrade.make_store NAME` makes `stores/NAME.tar.gz`: catalog, lake files, operations
store. Two days of Kibo are read; some picks are sent, the others are planned, held or not due; a webhook waits. Make
one before a release that changes a store. Those that are there are never made again: only an old commit can write them.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.recovery.installations import WORLD, Installation, new_installation

STORES = Path(__file__).parent / "stores"
NOTE = "installation.json"
FACTS = "facts.json"
RECEIVED_AT = datetime(2026, 1, 14, 9, 30, tzinfo=UTC)


def make_store(archive: Path) -> None:
    """Run the pipeline against the fakes in a temporary directory, and pack what it stored."""
    channels = ["kibo", "scanorders"]
    with (
        tempfile.TemporaryDirectory() as root,
        SandboxServer(days=WORLD.days, orders=WORLD.orders, channels=channels) as server,
    ):
        installation = new_installation(Path(root), server)
        installation.read()
        sent_orders = _some_orders(installation)
        installation.emit(allowed_order_numbers=sent_orders)
        with closing(OperationsStore(installation.settings.resolved_operations_url)) as store:
            event = inbox.ReceivedEvent("skroutz", b"{}", True, "A-1", date(2026, 1, 14), "127.0.0.1", RECEIVED_AT)
            inbox.store_events(store, [event])
        (installation.data_dir / FACTS).write_text(json.dumps(facts(installation), indent=1), encoding="utf-8")
        _forget_the_machine(installation.data_dir / NOTE)
        _pack(installation.data_dir, archive)


def facts(installation: Installation) -> dict[str, object]:
    """What must be readable, and true, whatever version opens the store."""
    pipeline = installation.open()
    with closing(pipeline.lake) as lake, closing(pipeline.operations) as store:
        with store.reading() as connection:
            states = {line.pick_id: line.state for line in outbox.load_lines(connection)}
        (orders,), *_ = lake.query("SELECT count(*) FROM core.orders").rows
        (lines,), *_ = lake.query("SELECT count(*) FROM core.order_lines").rows
        (versions,), *_ = lake.query("SELECT count(*) FROM raw.kibo_orders").rows
    accepted = [[*key, count] for key, count in sorted(installation.accepted().items())]
    return {"states": states, "orders": orders, "order_lines": lines, "raw_orders": versions, "accepted": accepted}


def _some_orders(installation: Installation) -> list[str]:
    rows = installation.open().lake.query(
        "SELECT DISTINCT order_number FROM marts.pick_lines WHERE hold_reason IS NULL ORDER BY 1 LIMIT 3"
    )
    return [number for (number,) in rows.rows]


def _forget_the_machine(note: Path) -> None:
    """Else every other machine would say that the stores were moved."""
    text = json.loads(note.read_bytes())
    note.write_text(json.dumps(text | {"machine": None}), encoding="utf-8")


def _pack(data_dir: Path, archive: Path) -> None:
    archive.parent.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:gz", compresslevel=9) as packed:
        for path in sorted(data_dir.rglob("*")):
            name = path.relative_to(data_dir)
            if path.is_file() and name.parts[0] != "tmp" and path.suffix not in {".lock", ".csv"}:
                packed.add(path, arcname=name.as_posix(), filter=_nobodys)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same archive whoever packs it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    make_store(STORES / f"{sys.argv[1]}.tar.gz")
