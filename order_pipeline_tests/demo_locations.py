"""The demo's invented item locations, for tests of the whole road in a directory that is no demo's."""

from __future__ import annotations

import shutil
from pathlib import Path

from order_pipeline.reference.item_locations import DEMO_FILE


def with_demo_locations(data_dir: Path) -> Path:
    """Put the file where the pipeline looks for it; returns the directory."""
    own = data_dir / "reference" / "item_locations.csv"
    own.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(DEMO_FILE, own)
    return data_dir
