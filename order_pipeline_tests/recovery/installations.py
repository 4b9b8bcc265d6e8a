"""An installation for the tests of recovery: a real lake, a real operations store, and the fakes over real HTTP."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from order_pipeline.cli.demo_sandbox import RunningSandbox
from order_pipeline.cli.demo_world import DemoWorld, overridden
from order_pipeline.orchestration.assets.picking import emit_picks
from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.picking.sending.emission import EmissionReport
from order_pipeline.recovery.stores import channels_not_read_since_restore
from order_pipeline.reference.item_locations import item_locations_path, load_item_locations
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.settings import Settings
from order_pipeline_tests.demo_locations import with_demo_locations

WORLD = DemoWorld(days=2, orders=8, seed=7, port=0)


@dataclass
class Installation:
    """One data directory, and the fakes that it talks to."""

    data_dir: Path
    witness_dir: Path
    server: SandboxServer

    @property
    def settings(self) -> Settings:
        """Kibo alone, sending to the fake."""
        groups = RunningSandbox(self.server.url).settings_groups(WORLD)
        given = Settings(_env_file=None, data_dir=self.data_dir, witness_dir=str(self.witness_dir))  # pyright: ignore[reportCallIssue]
        settings = overridden(given, {**groups, "scansource": {"enabled": False}, "skroutz": {"enabled": False}})
        settings.scanorders.rate.backoff_cap_seconds = 0.001
        return settings

    def open(self) -> PipelineResource:
        """As a new process would open the stores."""
        return PipelineResource(self.settings)

    def read(self, run_id: str = "read") -> None:
        """Fetch all days, build core, load the item master, deploy the views."""
        pipeline = self.open()
        with closing(pipeline.lake), closing(pipeline.operations):
            self._fetch_and_build(pipeline, run_id)
            load_item_locations(pipeline.lake, item_locations_path(pipeline.settings))
            pipeline.deploy_models()

    def read_again(self, run_id: str = "again") -> None:
        """Fetch all days and build core, on a lake that has its item master and its views."""
        pipeline = self.open()
        with closing(pipeline.lake), closing(pipeline.operations):
            self._fetch_and_build(pipeline, run_id)

    def _fetch_and_build(self, pipeline: PipelineResource, run_id: str) -> None:
        (channel,) = pipeline.settings.enabled_channels()
        pipeline.prepare_stores()
        pipeline.fetch(channel, WORLD.window, run_id)
        pipeline.build_core(channel.name, [WORLD.window.start], run_id)

    def emit(self, run_id: str = "emit", **settings: Any) -> EmissionReport:
        """Plan and send; keyword arguments are settings of ScanOrders."""
        pipeline = self.open()
        pipeline.settings = overridden(pipeline.settings, {"scanorders": settings}) if settings else pipeline.settings
        with closing(pipeline.lake), closing(pipeline.operations):
            sources = [channel.name for channel in pipeline.settings.enabled_channels()]
            pipeline.prepare_stores()
            unread = channels_not_read_since_restore(pipeline.lake, pipeline.operations, sources)
            return emit_picks(pipeline, run_id, [source for source in sources if source not in unread])

    def accepted(self) -> Counter[tuple[str, ...]]:
        """What the fake accepted, by order and barcode: more than one is a pick sent twice."""
        values = [each["values"] for each in self.server.channels["scanorders"].ledger()["fulfilments"]]
        return Counter((each["ordernumber"], each["barcode"], each["binloc"]) for each in values)

    def copy_to(self, directory: Path) -> Path:
        """A copy of the data directory as `cp -a` makes it; nobody writes meanwhile."""
        shutil.copytree(self.data_dir, directory)
        return directory

    def put_back(self, copy: Path, *names: str) -> None:
        """Replace the data directory, or some files of it, by those of a copy."""
        if not names:
            shutil.rmtree(self.data_dir)
            shutil.copytree(copy, self.data_dir)
        for name in names:
            remove_database(self.data_dir / name)
            for file in copy.glob(f"{name}*"):
                shutil.copy2(file, self.data_dir / file.name)


def remove_database(path: Path) -> None:
    """Remove a SQLite file with what lies beside it."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def new_installation(root: Path, server: SandboxServer) -> Installation:
    """An installation in an empty directory, with an item master."""
    data_dir = root / "data"
    data_dir.mkdir(parents=True)
    return Installation(with_demo_locations(data_dir), root / "witness", server)
