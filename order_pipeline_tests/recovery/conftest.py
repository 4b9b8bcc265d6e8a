import copy
import shutil

import pytest

from order_pipeline.recovery.backup import back_up
from order_pipeline.sandbox.scanorders.fake import ScanOrdersChannel
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline_tests.recovery.installations import WORLD, Installation, new_installation

BACKUP = "backup of before"


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


@pytest.fixture(scope="package")
def sent_directory(tmp_path_factory, read_directory, running_fakes):
    """The root of that installation after it was backed up and its picks were sent; what the floor then has."""
    running_fakes.reset()
    root = tmp_path_factory.mktemp("sent")
    shutil.copytree(read_directory, root, dirs_exist_ok=True)
    installation = Installation(root / "data", root / "witness", running_fakes)
    back_up(installation.settings, root / BACKUP)
    installation.emit()
    return root, copy.deepcopy(running_fakes.channel(ScanOrdersChannel).accounts)


@pytest.fixture
def installation(tmp_path, read_directory, running_fakes):
    """A copy of the installation that has sent nothing, on a floor without picks."""
    running_fakes.reset()
    shutil.copytree(read_directory, tmp_path, dirs_exist_ok=True)
    return Installation(tmp_path / "data", tmp_path / "witness", running_fakes)


@pytest.fixture
def before_the_picks(read_directory):
    """The data directory as it was before the picks of `sent` were sent; to be put back, never written."""
    return read_directory / "data"


@pytest.fixture
def backup_of_before(sent, tmp_path):
    """The directory of the backup that `sent` made before it sent."""
    return tmp_path / BACKUP


@pytest.fixture
def sent(tmp_path, sent_directory, running_fakes):
    """A copy of the installation that has sent its picks, on the floor that has them."""
    root, accounts = sent_directory
    running_fakes.reset()
    running_fakes.channel(ScanOrdersChannel).accounts = copy.deepcopy(accounts)
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    return Installation(tmp_path / "data", tmp_path / "witness", running_fakes)
