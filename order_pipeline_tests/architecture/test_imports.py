"""Every module can be imported, on every supported Python."""

import importlib
import pkgutil

import pytest

import order_pipeline

pytestmark = pytest.mark.every_python

# What its framework executes, and nobody imports: the command line's entry, and the script that Alembic runs.
SCRIPTS = ("__main__", "order_pipeline.operations.migrations.env")


def test_every_module_can_be_imported() -> None:
    names = [module.name for module in pkgutil.walk_packages(order_pipeline.__path__, "order_pipeline.")]
    modules = [name for name in names if not name.endswith(SCRIPTS)]

    imported = [importlib.import_module(name).__name__ for name in modules]

    assert imported == modules
    assert len(modules) > 100
