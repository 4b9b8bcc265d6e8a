"""Under-reading that nobody sees, faked over real HTTP: which certificate it costs, and what reading again tells."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from order_pipeline.channels.base import SourceState, Window
from order_pipeline.channels.kibo.extraction import build_extraction as build_kibo
from order_pipeline.channels.scansource.extraction import build_extraction as build_scansource
from order_pipeline.http.errors import ApiError
from order_pipeline.sandbox.kibo.orders import MANUFACTURERS
from order_pipeline.sandbox.server import SandboxServer
from order_pipeline.sandbox.shared.faults import Fault, FaultKind
from order_pipeline.settings import Settings
from order_pipeline.story.proof import reading_proofs
from order_pipeline.warehouse.lake.connection import Lake
from order_pipeline.warehouse.migrations import migrate
from order_pipeline.warehouse.raw.certificates import DayCertificate, read_bounds, read_day_certificates
from order_pipeline.warehouse.raw.ingest import ingest
from order_pipeline.warehouse.raw.source_state import WarehouseState
from order_pipeline_tests.channels.kibo.small_kibo import Known
from order_pipeline_tests.warehouse.kibo_orders import project, rows
from order_pipeline_tests.warehouse.settings_for_tests import settings_in

SEARCH, LIST = "GET /api/v2/order/*", "GET /scsc/salesorder/v1/list"
ONE = str(next(iter(MANUFACTURERS)))


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with SandboxServer(orders=40, days=2, channels=["kibo", "scansource"]) as server:
        yield server


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = settings_in(tmp_path_factory.mktemp("lake"))
    lake = Lake(settings)
    migrate(lake)
    lake.close()
    return settings


@dataclass
class Reader:
    """Reads the fakes into a lake of its own, run after run."""

    server: SandboxServer
    lake: Lake
    runs: int = 0
    errors: list[ApiError] = field(default_factory=list[ApiError])

    @property
    def window(self) -> Window:
        return Window(self.server.world.first_day, self.server.clock.today)

    def spoil(self, kind: FaultKind, route: str = SEARCH, **more: Any) -> None:
        self.server.faults.add(Fault(kind=kind, route=route, **more))

    def read(
        self, source: str, *, known: SourceState | None = None, window: Window | None = None, **more: Any
    ) -> list[DayCertificate]:
        """One run without faults of its own; the certificates after it."""
        connection = self.server.channels[source].connection(self.server.channel_url(source))
        settings = Settings(**{source: connection | more})  # pyright: ignore[reportArgumentType]
        channel: Any = settings.of_channel(source)
        extraction: Any = build_kibo(channel) if source == "kibo" else build_scansource(channel, ["orders"])
        self.runs += 1
        state, days = known or WarehouseState(self.lake, source), window or self.window
        try:
            asyncio.run(ingest(self.lake, source, extraction, days, state, f"run {self.runs}"))
        except ApiError as error:
            self.errors.append(error)
        self.server.faults.reset()
        return self.days(source)

    def read_kibo(self, **more: Any) -> list[DayCertificate]:
        small: dict[str, Any] = {"manufacturer_ids": [ONE], "per_page": 5, "ship_date_look_back_days": 0}
        options: dict[str, Any] = small | {"reread_unsettled": False} | more
        return self.read("kibo", **options)

    def read_scansource(self, **more: Any) -> list[DayCertificate]:
        small: dict[str, Any] = {"page_size": 10, "changed_look_back_days": 0, "priced_quantity": 1}
        return self.read("scansource", **small | more)

    def days(self, source: str) -> list[DayCertificate]:
        with self.lake.connect() as connection:
            return [each for each in read_day_certificates(connection, datetime.now(UTC)) if each.source == source]

    def bound(self) -> tuple[int, int, float]:
        with self.lake.connect() as connection:
            [found] = read_bounds(connection, datetime.now(UTC))
        return found.read_again, found.surprises, found.missed_share_at_most

    def orders(self, source_table: str = "kibo_orders") -> int:
        return rows(self.lake, f"SELECT count(DISTINCT record_id) FROM raw.{source_table}")[0][0]


@pytest.fixture
def reader(running: SandboxServer, migrated: Settings) -> Iterator[Reader]:
    running.reset()
    lake = Lake(migrated)
    with lake.transaction("as new") as connection:
        connection.execute("DELETE FROM raw.fetches")
        for (table,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
            " AND (starts_with(table_name, 'kibo_') OR starts_with(table_name, 'scansource_'))"
        ).fetchall():
            connection.execute(f"DELETE FROM raw.{table}")
    yield Reader(running, lake)
    lake.close()


def states(days: list[DayCertificate]) -> list[str]:
    return [each.state for each in days]


@pytest.mark.costly
def test_days_that_were_read_to_their_end_are_certified_and_reading_again_bounds_what_is_missed(
    reader: Reader,
) -> None:
    assert states(reader.read_kibo()) == ["certified", "certified"]
    orders = reader.orders()
    reader.read_kibo()
    read_again, surprises, share = reader.bound()
    assert (read_again, surprises) == (orders, 0)
    assert share == pytest.approx(2.9957 / orders, rel=1e-3), "the rule of three"


@pytest.mark.costly
def test_a_page_that_ends_early_costs_the_day_its_certificate_until_it_is_read_whole(reader: Reader) -> None:
    reader.spoil("empty_page", nth=2)
    [first, second] = reader.read_kibo()
    assert (first.state, second.state) == ("not proved", "certified")
    assert "promised items never came" in first.why
    assert states(reader.read_kibo()) == ["certified", "certified"]


@pytest.mark.costly
def test_a_page_that_ends_early_where_no_total_is_claimed_is_told_by_the_next_run(reader: Reader) -> None:
    reader.server.channels["kibo"].configure(total_count="off")
    reader.spoil("empty_page", nth=2)
    assert states(reader.read_kibo()) == ["certified", "certified"], "nothing in this answer speaks against it"
    before = reader.orders()
    reader.read_kibo()
    read_again, surprises, share = reader.bound()
    assert surprises == reader.orders() - before > 0
    assert share > surprises / read_again


@pytest.mark.costly
def test_a_run_that_finds_fewer_orders_than_one_before_proves_nothing(reader: Reader) -> None:
    reader.server.channels["kibo"].configure(total_count="off")
    reader.read_kibo()
    reader.spoil("empty_page", nth=2)
    [first, second] = reader.read_kibo()
    assert (first.state, second.state) == ("not proved", "certified")
    assert "fewer than an earlier run found" in first.why
    assert states(reader.read_kibo()) == ["certified", "certified"]


@pytest.mark.costly
def test_a_total_that_shrinks_while_paging_ends_no_day_early(reader: Reader) -> None:
    reader.read_kibo()
    orders = reader.orders()
    reader.spoil("wrong_total", nth=2, shift=-orders)
    reader.spoil("wrong_total", nth=3, shift=-orders)
    assert states(reader.read_kibo()) == ["certified", "certified"]
    assert reader.bound()[:2] == (orders, 0), "every order came again"


def test_a_total_that_shrinks_to_what_came_so_far_hides_no_order(reader: Reader) -> None:
    reader.spoil("wrong_total", nth=2, shift=10 - of_first_day(reader))
    days = reader.read_kibo()
    assert states(days) == ["certified", "certified"]
    assert reader.orders() == sum(1 for _ in ordered(reader))


def test_a_repeated_page_costs_the_day_its_certificate(reader: Reader) -> None:
    reader.spoil("duplicate_page", nth=2)
    assert states(reader.read_kibo()) == ["not proved", "certified"]
    assert "brought nothing new" in str(reader.errors[0])


@pytest.mark.costly
def test_a_filter_by_date_that_the_api_ignores_costs_the_certificate(reader: Reader) -> None:
    reader.spoil("filter_ignored")
    [first, second] = reader.read_kibo()
    assert (first.state, second.state) == ("not proved", "not proved")
    assert "ignored its filter by order date" in first.why
    assert reader.orders() == sum(1 for _ in ordered(reader)), "what belongs to the days is kept all the same"
    assert states(reader.read_kibo()) == ["certified", "certified"]


def test_orders_that_were_not_asked_for_do_not_stand_in_for_those_that_were(reader: Reader) -> None:
    asked = [str(order.order_id) for order in ordered(reader)][-2:]
    long_ago = Window(date(2025, 12, 1), date(2025, 12, 2))
    reader.spoil("filter_ignored", nth=2)
    reader.read_kibo(known=Known(*asked), window=long_ago, reread_unsettled=True)
    reports = reader.lake.query("SELECT reading, complete, doubt <> '' FROM raw.fetches WHERE reading = 'unsettled'")
    assert reports.rows == [("unsettled", False, True)]


def ordered(reader: Reader) -> Iterator[Any]:
    channel: Any = reader.server.channels["kibo"]
    window = reader.window
    for order in channel.store.existing(channel.moment()):
        if str(order.manufacturer) == ONE and window.start <= order.created_at.date() < window.end:
            yield order


def of_first_day(reader: Reader) -> int:
    return sum(order.created_at.date() == reader.window.start for order in ordered(reader))


@pytest.mark.costly
def test_orders_that_raw_has_and_a_list_lacks_cost_a_distributor_its_certificate(reader: Reader) -> None:
    assert set(states(reader.read_scansource())) == {"certified"}
    reader.spoil("empty_page", route=LIST, nth=2)
    days = reader.read_scansource()
    assert set(states(days)) == {"not proved"}
    assert "that raw has were not listed" in days[0].why
    assert set(states(reader.read_scansource())) == {"certified"}


@pytest.mark.costly
def test_a_list_that_ends_early_before_anything_is_known_is_told_by_the_next_run(reader: Reader) -> None:
    reader.spoil("empty_page", route=LIST, nth=2)
    reader.read_scansource()
    before = reader.orders("scansource_order_rows")
    reader.read_scansource()
    assert reader.orders("scansource_order_rows") > before
    assert reader.bound()[1] > 0


@pytest.mark.costly
def test_a_day_that_core_has_and_no_run_asked_for_is_shown_without_a_certificate(reader: Reader) -> None:
    reader.read_kibo()
    day = reader.window.start - timedelta(days=3)
    with reader.lake.transaction("a build of a day that a ship date brought") as connection:
        row = ("kibo", day, "b", "f", 1, 1, 0, datetime.now(UTC), "r", False)
        connection.execute(f"INSERT INTO core.builds VALUES ({', '.join('?' * len(row))})", row)
    try:
        assert states(reader.days("kibo")) == ["never asked", "certified", "certified"]
        with reader.lake.connect(read_only=True) as connection:
            [proof] = reading_proofs(connection, datetime.now(UTC))
        assert f"but not {day} (never asked)" in proof.in_words()
    finally:
        with reader.lake.transaction("take it out") as connection:
            connection.execute("DELETE FROM core.builds")


@pytest.mark.costly
def test_the_mart_of_certificates_names_gaps_in_dense_order_numbers(reader: Reader) -> None:
    columns = "source, account, order_day, order_number"
    given = ", ".join(f"('kibo', '{ONE}', DATE '2026-01-13', '{number}')" for number in [*range(100, 130), 132])
    sparse = ", ".join(f"('kibo', '2', DATE '2026-01-13', '{number}')" for number in (1, 900))
    reader.read_kibo()
    model = project().render("completeness", source={("core", "orders"): "given"})
    with reader.lake.connect() as connection:
        for name in ("window_certificates", "day_certificates", "reading_bounds"):
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rendered(name)}")
        connection.execute(f"CREATE TEMP TABLE given AS FROM (VALUES {given}, {sparse}) AS t({columns})")
        sql = model.sql.replace("marts.", "temp.")
        found = connection.execute(f"SELECT account, numbers_missing FROM ({sql}) WHERE numbers_missing > 0").fetchall()
    assert found == [(ONE, 2)]


def rendered(name: str) -> str:
    return project().render(name).sql.replace("marts.", "temp.")
