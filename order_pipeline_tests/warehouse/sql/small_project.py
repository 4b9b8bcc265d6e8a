"""A small SQL project in a directory, of the models that a test names."""

from __future__ import annotations

from pathlib import Path

from order_pipeline.warehouse.sql.project import SqlProject


def project_of(directory: Path, models: dict[str, str]) -> SqlProject:
    """A project whose models all stand in `models/staging`."""
    (directory / "models" / "staging").mkdir(parents=True)
    (directory / "macros").mkdir()
    (directory / "seeds").mkdir()
    (directory / "dbt_project.yml").write_text("name: small\nvars: {limit: 3}\n", encoding="utf-8")
    for name, sql in models.items():
        (directory / "models" / "staging" / f"{name}.sql").write_text(sql, encoding="utf-8")
    return SqlProject(directory)
