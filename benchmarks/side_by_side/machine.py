"""The machine and the versions that figures were taken on, and what the machine was busy with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

TOOLS = ("duckdb", "dagster", "dlt", "drt-core", "httpx", "distributed")


def machine() -> str:
    """Processor, memory and system, in a sentence."""
    memory = psutil.virtual_memory().total / 1024**3
    return f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "processor unknown"


def versions() -> str:
    """Python and the tools that are installed."""
    found = [f"{name} {there}" for name in TOOLS if (there := _version(name))]
    return ", ".join([f"Python {platform.python_version()}", *found])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 1)
