"""The tests of reference data use the warehouse's empty lake."""

from order_pipeline_tests.warehouse.conftest import lake, migrated_directory, settings

__all__ = ["lake", "migrated_directory", "settings"]
