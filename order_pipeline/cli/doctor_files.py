"""What `doctor` says of who may read the data directory and the settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from order_pipeline.cli.findings import Finding
from order_pipeline.private_files import open_to_others
from order_pipeline.settings import Settings

MENDED_BY = "order-pipeline upgrade --yes takes the rights of others away; what it does is in docs/security.md."


def look_at_files(settings: Settings) -> Iterator[Finding]:
    """Whether other users of this machine may do anything with what holds orders, customers and secrets."""
    for directory in private_directories(settings).values():
        found = list(open_to_others(directory))
        if found:
            detail = f"{directory}: {len(found)} files and directories are open to others, for example {found[0]}"
            yield Finding("file rights", "waits", detail, MENDED_BY)
    settings_file = Path(".env")
    if list(open_to_others(settings_file)):
        detail = f"{settings_file.resolve()} may be read by others, and secrets stand in it"
        yield Finding("file rights", "waits", detail, "chmod 600 .env")


def private_directories(settings: Settings) -> dict[str, Path]:
    """The data directory and the witness's, as far as they are there."""
    directories = {"data directory": settings.data_dir.resolve(), "witness directory": settings.resolved_witness_dir}
    return {what: found for what, found in directories.items() if found is not None and found.is_dir()}
