import shutil

import pytest

from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.recovery.installations import WORLD, Installation, new_installation


@pytest.fixture(scope="package")
def running_fakes():
    with SandboxServer(days=WORLD.days, orders=WORLD.orders, channels=["kibo", "scanorders"]) as server:
        yield server


@pytest.fixture(scope="package")
def read_directory(tmp_path_factory, running_fakes):
    """The root of an installation that has read its channel and sent nothing yet."""
    root = tmp_path_factory.mktemp("read")
    new_installation(root, running_fakes).read()
    return root


@pytest.fixture
def installation(tmp_path, read_directory, running_fakes):
    """A copy of that installation, on a floor without picks."""
    running_fakes.reset()
    shutil.copytree(read_directory, tmp_path, dirs_exist_ok=True)
    return Installation(tmp_path / "data", tmp_path / "witness", running_fakes)
