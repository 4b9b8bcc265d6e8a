"""What a machine of the cluster runs and sees: asked of every worker before a build gives it anything to do."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import order_pipeline

_PACKAGES = ("duckdb", "pyarrow", "distributed", "cloudpickle")
"""Besides our own code, what decides which rows a chunk becomes, and how they travel."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A process that stages.

    Attributes:
        versions: of Python, of the packages that matter, and of our own code.
        sees_marker: whether it sees the file that it was asked for.
    """

    versions: Mapping[str, str]
    sees_marker: bool


def describe_machine(marker: str) -> Machine:
    """This process.

    Args:
        marker: the path of a file, empty for none.
    """
    packages = {name: _version(name) for name in _PACKAGES}
    versions = {"Python": platform.python_version_tuple()[:2], "order-pipeline": fingerprint_of_code()}
    shown = {name: each if isinstance(each, str) else ".".join(each) for name, each in versions.items()}
    return Machine(shown | packages, not marker or Path(marker).exists())


def differences(ours: Machine, theirs: Machine) -> str:
    """What differs, in words; empty where nothing does."""
    unlike = [name for name in ours.versions if theirs.versions.get(name) != ours.versions[name]]
    return ", ".join(f"{name} {theirs.versions.get(name)} (here {ours.versions[name]})" for name in unlike)


@cache
def fingerprint_of_code() -> str:
    """Of all modules of this package: two releases differ in it, and so do two checkouts of one version."""
    directory = Path(order_pipeline.__file__).parent
    content = hashlib.sha256()
    for file in sorted(directory.rglob("*.py")):
        content.update(file.relative_to(directory).as_posix().encode() + b"\0" + file.read_bytes())
    return content.hexdigest()[:12]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
