"""The road of a Skroutz event, with real parts: operations store, inbox, lake, core. And a strict fake of the API."""

import asyncio
import datetime as dt
import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from order_pipeline.channels.base import Window
from order_pipeline.channels.registry import webhooks
from order_pipeline.channels.skroutz.inbox_extraction import InboxExtraction
from order_pipeline.channels.skroutz.reread import RereadExtraction
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.http.settings import RateSettings
from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.skroutz.fake import SkroutzChannel
from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.build import build_core
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline.warehouse.sql.deploy import deploy
from order_pipeline.warehouse.sql.project import SqlProject
from order_pipeline.webhooks.receiver import received_event

FIXTURES = Path(__file__).parents[2] / "fixtures" / "skroutz"
PROJECT = SqlProject()
NOW = dt.datetime(2026, 1, 15, 12, 0, tzinfo=dt.UTC)


class Road:
    """Everything between a webhook's bytes and core, in one folder."""

    def __init__(self, folder, skroutz=None):
        self.skroutz = skroutz or SkroutzSettings()
        self.settings = Settings(_env_file=None, data_dir=folder)
        self.store = OperationsStore(self.settings.resolved_operations_url)
        self.store.create_all()
        self.lake = Lake(self.settings)
        migrate(self.lake)
        self.runs = 0

    def close(self):
        self.lake.close()
        self.store.close()

    def receive(self, *bodies, at=NOW):
        """What the receiver does with webhooks."""
        events = [received_event("skroutz", webhooks()["skroutz"], as_bytes(body), "127.0.0.1", at) for body in bodies]
        inbox.store_events(self.store, events)

    def land(self, *, confirm=True, window=None, build=True):
        """A run from the inbox to raw and core."""
        extraction = InboxExtraction(self.store, take_all=window is None)
        result = self.ingest(extraction, window)
        if confirm:
            extraction.confirm(result.run_id)
        if build:
            self.build(result)
        return result

    def build(self, result):
        self.core = build_core(self.lake, "skroutz", result.stale_days, result.run_id, project=PROJECT)

    def reread(self, window, codes=None, **options):
        """A run that reads orders again, to raw."""
        extraction = RereadExtraction(self.skroutz, codes=codes, **options)
        return extraction.result, self.ingest(extraction, window)

    def ingest(self, extraction, window):
        self.runs += 1
        window = window or Window(dt.date(2026, 1, 1), dt.date(2026, 2, 1))
        known = WarehouseState(self.lake, "skroutz")
        return asyncio.run(ingest(self.lake, "skroutz", extraction, window, known, f"run-{self.runs}"))

    def rows(self, sql, *values):
        with self.lake.connect() as connection:
            return connection.execute(sql, list(values)).fetchall()

    def deploy_views(self):
        with self.lake.transaction("deploy views") as connection:
            deploy(connection, PROJECT)

    def one(self, sql, *values):
        [row] = self.rows(sql, *values)
        return row[0] if len(row) == 1 else row

    def current(self):
        """The state of each order as staging sees it, without a build of core."""
        observations = PROJECT.render("stg_skroutz__observations").sql
        return dict(self.rows(f"SELECT record_id, state FROM ({observations}) WHERE is_current"))

    def states(self):
        """The state of each order in core."""
        return dict(self.rows("SELECT order_number, source_status FROM core.orders ORDER BY order_number"))


def as_bytes(body):
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


@pytest.fixture
def road(tmp_path):
    road = Road(tmp_path)
    yield road
    road.close()


@pytest.fixture(scope="module")
def running():
    with SandboxServer(seed=3, orders=12, days=3, channels=["skroutz"]) as server:
        yield server


@pytest.fixture
def fake(running):
    running.reset()
    running.calls["skroutz"].reset()
    running.faults.reset()
    return running


def channel_of(server):
    channel = server.channels["skroutz"]
    assert isinstance(channel, SkroutzChannel)
    channel.book.settle()
    return channel


def settings_for(server, **changes):
    settings = SkroutzSettings(
        base_url=server.channel_url("skroutz"),
        token=SecretStr(channel_of(server).token),
        rate=RateSettings(max_in_flight=4, attempts=3, backoff_cap_seconds=0.01),
    )
    return settings.model_copy(update=changes)


def make_event(code="260115-0000001", *, state="open", at="2026-01-15T10:00:00+02:00", **order):
    """A small webhook; keyword arguments go into the order."""
    content = {
        "code": code,
        "state": state,
        "created_at": "2026-01-15T09:00:00+02:00",
        "customer": {"id": "c1", "first_name": "Ελένη", "last_name": "Δοκιμή", "address": {"city": "Αθήνα"}},
        "line_items": [
            {
                "id": "l1",
                "shop_uid": "SK-4001",
                "product_name": "X",
                "quantity": 2,
                "unit_price": 10.4,
                "total_price": 20.8,
            }
        ],
        **order,
    }
    return {"event_type": "order_updated", "event_time": at, "order": content}
