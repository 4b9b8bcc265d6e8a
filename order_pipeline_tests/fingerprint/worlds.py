"""The worlds: fixed inputs, made in a new data directory. Dates and seeds are fixed; the day of the run is free.

Belongs here: what each world consists of. Does not belong here: how the pipeline is called (`seams`).
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from order_pipeline_tests.fingerprint import seams

TODAY = date(2026, 1, 15)
SEED = 7
PAYLOADS = Path(__file__).parent / "payloads"
FINISHED = "fingerprint_finished"
"""An empty file in a data directory: its world was made to the end."""

Make = Callable[[Path, int | None], None]


def make_world(name: str, data_dir: Path, threads: int | None = None) -> None:
    """Make a world in this directory; one that is finished there already is left as it is.

    Args:
        name: a key of WORLDS.
        data_dir: an empty or missing directory.
        threads: DuckDB's threads in a process of the pipeline; None: its default.

    Raises:
        ValueError: the directory holds something else.
    """
    if (data_dir / FINISHED).exists():
        if (data_dir / FINISHED).read_text(encoding="utf-8") != name:
            raise ValueError(f"{data_dir} holds another world: give an empty directory.")
        return
    if data_dir.exists() and any(data_dir.iterdir()):
        raise ValueError(f"{data_dir} holds an unfinished world or something else: give an empty directory.")
    data_dir.mkdir(parents=True, exist_ok=True)
    WORLDS[name](data_dir, threads)
    (data_dir / FINISHED).write_text(name, encoding="utf-8")


def _demo(data_dir: Path, threads: int | None, *, days: int, orders: int, port: int) -> None:
    """The demo's world, with its fakes on a fixed port: some payloads name it, and so their hashes depend on it."""
    world = {"days": days, "orders": orders, "seed": SEED, "port": port, "today": TODAY.isoformat()}
    (data_dir / "demo_world.json").write_text(json.dumps(world), encoding="utf-8")
    with _port_to_ourselves(port):
        seams.run_demo(data_dir, days=days, orders=orders, seed=SEED, threads=threads)


def _kibo50k(data_dir: Path, threads: int | None) -> None:
    seams.fetch_and_build_kibo(data_dir, today=TODAY, days=5, orders_a_day=10_000, seed=SEED, threads=threads)


def _fixtures(data_dir: Path, threads: int | None) -> None:
    """Every payload in `payloads/`: the vendors' samples and the invented and malformed ones of the tests."""
    records = [record for path in sorted(PAYLOADS.glob("*.jsonl")) for record in read_records(path)]
    seams.ingest_and_build(data_dir, records, threads=threads)


def read_records(path: Path) -> list[seams.RawRecord]:
    """The records of one source, named by the file; the README beside them says the form of a line."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [_record(path.stem, json.loads(line)) for line in lines if line]


def _record(source: str, stored: dict[str, Any]) -> seams.RawRecord:
    encoded = stored.get("payload_base64")
    return seams.RawRecord(
        source,
        stored["resource"],
        stored["record_id"],
        date.fromisoformat(stored["day"]) if stored["day"] else None,
        base64.b64decode(encoded) if encoded else stored["payload"].encode(),
        *(stored.get(name, "") for name in ("rule", "field", "value")),
    )


@contextmanager
def _port_to_ourselves(port: int) -> Generator[None]:
    """Wait until no other fingerprint on this machine uses the port."""
    with FileLock(Path(tempfile.gettempdir()) / f"order-pipeline-fingerprint-{port}.lock", mode=0o666):
        yield


# Ports below those that systems hand out to clients (32768 and up).
WORLDS: dict[str, Make] = {
    "small": partial(_demo, days=2, orders=24, port=18_721),
    "demo": partial(_demo, days=7, orders=600, port=18_722),
    "kibo50k": _kibo50k,
    "fixtures": _fixtures,
}
