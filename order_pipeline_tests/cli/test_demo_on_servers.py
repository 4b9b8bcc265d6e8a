"""The whole demo on PostgreSQL and S3, by settings alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from order_pipeline_tests.object_store import SECRET, Bucket
from order_pipeline_tests.shared_demo import SMALL, run_command

pytest.importorskip("dagster_postgres", reason="the extra `scale` is not installed")
OF_DAGSTER = "DAGSTER_STORAGE_URL"
"""The demo tells it to its children by this variable."""


@pytest.mark.slow
def test_the_whole_demo_runs_on_postgresql_and_s3(
    tmp_path: Path,
    new_postgres_database: Callable[[], str],
    new_bucket: Callable[[], Bucket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(OF_DAGSTER, "")
    bucket = new_bucket()
    stores = {
        "ORDER_PIPELINE_LAKE__CATALOG": f"postgres:{new_postgres_database()}",
        "ORDER_PIPELINE_OPERATIONS_URL": new_postgres_database(),
        "ORDER_PIPELINE_DAGSTER_STORAGE_URL": new_postgres_database(),
        **bucket.environment(),
    }
    first = run_command(tmp_path / "one", "demo", *SMALL, "--outside-stores", **stores)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "picks, each once" in first.stderr
    again = run_command(tmp_path / "one", "demo", *SMALL, **stores)
    assert "0 new raw rows, 0 new picks sent" in again.stderr
    assert any("/core/orders/source=kibo/" in name for name in bucket.names())
    elsewhere = run_command(
        tmp_path / "two", "sql", "SELECT count(*) FROM core.orders", "--format", "csv", **stores
    ).stdout.split()
    assert int(elsewhere[-1]) > 12
    real = run_command(tmp_path / "two", "run", "--source", "kibo", "--no-emit", **stores)
    assert real.returncode == 1
    assert "runs of a demo" in real.stderr
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert [SECRET for content in written if SECRET.encode() in content] == []
