"""The SQL of a build: the models of one source, rendered, in an order in which each stands after what it reads.

They are rendered as for the lake, so a chunk's database needs only the same schemas to run them. All of it can be
pickled: whoever stages a chunk needs no project directory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from order_pipeline.contracts import CORE_TABLES, contracts_fingerprint
from order_pipeline.warehouse.sql.deploy import load_seed
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, Rendered, SqlProject

LINE_PRICES = "stg_common__order_line_prices"
UNSETTLED_DAYS = "unsettled_days"


@dataclass(frozen=True, slots=True)
class BuildSql:
    """What a build of one source runs.

    Attributes:
        fingerprint: changes when the SQL, a seed or a contract does.
        resources: those whose raw tables the models read.
        staged: core table -> relation of its staged rows, parents before children.
        models: makes those relations and what they read.
        line_prices: makes prices from good order lines.
        checks: the soft checks, over good rows.
        unsettled_days: the days of which something is open, over good rows.
        seeds: the rows of every seed.
    """

    source: str
    fingerprint: str
    resources: tuple[str, ...]
    staged: Mapping[str, str]
    models: tuple[Rendered, ...]
    line_prices: Rendered
    checks: tuple[Rendered, ...]
    unsettled_days: Rendered
    seeds: Mapping[str, pa.Table]

    @property
    def schemas(self) -> list[str]:
        """The schemas that the models read and fill."""
        made = {
            model.relation.split(".")[0]
            for model in (*self.models, self.line_prices, *self.checks, self.unsettled_days)
        }
        return sorted(made | {"raw", "core", SEED_SCHEMA})


def build_sql(project: SqlProject, source: str) -> BuildSql:
    """Render what a build of the source runs; its core tables are staged by models `stg_<source>__<table>`.

    Raises:
        SqlModelError: a model that does not exist, or does not render.
    """
    names = {table: f"stg_{source}__{table}" for table in CORE_TABLES}
    staged = {table: name for table, name in names.items() if name in project.models}
    read = {table.removesuffix("_current") for schema, table in project.sources_of(staged.values()) if schema == "raw"}
    checks = [project.graph[name] for name in project.models if name.startswith("check__")]
    sql = project.fingerprint([*staged.values(), LINE_PRICES])
    return BuildSql(
        source=source,
        fingerprint=sql + contracts_fingerprint(list(CORE_TABLES.values())),
        resources=tuple(sorted(t.removeprefix(f"{source}_") for t in read if t.startswith(f"{source}_"))),
        staged={table: project.models[name].relation for table, name in staged.items()},
        models=tuple(project.graph[name] for name in project.upstream(staged.values())),
        line_prices=project.graph[LINE_PRICES],
        checks=tuple(check for check in checks if not _reads_everything(check)),
        unsettled_days=project.graph[UNSETTLED_DAYS],
        seeds=_read_seeds(project),
    )


def _reads_everything(check: Rendered) -> bool:
    """A check that says `meta={'over': 'everything'}` needs all days: it is a view only."""
    return check.config.get("meta", {}).get("over") == "everything"


def _read_seeds(project: SqlProject) -> dict[str, pa.Table]:
    with duckdb.connect(":memory:") as connection:
        for name in project.seeds:
            load_seed(connection, project, name, "main")
        return {name: connection.execute(f"SELECT * FROM main.{name}").to_arrow_table() for name in project.seeds}
