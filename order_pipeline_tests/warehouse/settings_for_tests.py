"""Settings of a lake in a directory of its own, whatever the machine's environment file says."""

from __future__ import annotations

from pathlib import Path

from order_pipeline.settings import LakeSettings, Settings


def settings_in(directory: Path, lake: LakeSettings | None = None) -> Settings:
    return Settings(_env_file=None, data_dir=directory, lake=lake or LakeSettings(lock_timeout_seconds=20))  # pyright: ignore[reportCallIssue]
