"""The small demo that the tests of commands and of the UI look at."""

import pytest

from order_pipeline_tests.shared_demo import make_demo, run_command


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The data directory of a demo that has run once."""
    return make_demo(tmp_path_factory)


@pytest.fixture(scope="session")
def command(demo):
    """Call a command on the shared demo's data directory."""
    return lambda *arguments: run_command(demo, *arguments)
