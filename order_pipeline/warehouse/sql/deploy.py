"""Deploying the SQL project into the lake: its seeds as tables, its models as views, what changed only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from order_pipeline.redaction.errors import shown_text
from order_pipeline.warehouse.lake.connection import relations
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlModelError, SqlProject


@dataclass(frozen=True, slots=True)
class Deployment:
    """What `deploy` did: views made anew, views already up to date, views that wait for a raw table."""

    created: tuple[str, ...]
    unchanged: tuple[str, ...]
    waiting: tuple[str, ...]


def deploy(connection: duckdb.DuckDBPyConnection, project: SqlProject) -> Deployment:
    """Create or replace the seeds and views whose text changed, in dependency order.

    A view over a raw table that no fetch has created yet waits: it is deployed by the next call.

    Args:
        connection: inside a transaction of the lake.
        project: what to deploy.

    Raises:
        SqlModelError: a model that does not render or does not run; the message names its file.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS reference.deployed_models (model VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL)"
    )
    deployed = dict(connection.execute("SELECT model, fingerprint FROM reference.deployed_models").fetchall())
    made = _deploy_seeds(connection, project, deployed)
    existing = relations(connection)
    created, unchanged, waiting = list[str](), list[str](), list[str]()
    for name in project.upstream(project.models):
        model, rendered = project.models[name], project.graph[name]
        needed = {".".join(source) for source in rendered.sources}
        needed |= {project.relation(target, name) for target in rendered.refs}
        fingerprint = project.fingerprint([name])
        if not needed <= existing:
            waiting.append(name)
        elif deployed.get(name) == fingerprint and model.relation in existing:
            unchanged.append(name)
        else:
            try:
                connection.execute(f"CREATE OR REPLACE VIEW {model.relation} AS\n{rendered.sql}")
            except duckdb.Error as error:
                raise SqlModelError(f"{model.path} does not run: {shown_text(error)}") from error
            made[name] = fingerprint
            existing.add(model.relation)
            created.append(name)
    _note_deployed(connection, made)
    return Deployment(tuple(created), tuple(unchanged), tuple(waiting))


def load_seed(connection: duckdb.DuckDBPyConnection, project: SqlProject, name: str, schema: str = SEED_SCHEMA) -> None:
    """Make or replace the seed's table from its CSV file; every value is text."""
    connection.execute(
        f"CREATE OR REPLACE TABLE {schema}.{name} AS SELECT * FROM read_csv(?, header = true, all_varchar = true)",
        [str(project.seeds[name])],
    )


def _deploy_seeds(
    connection: duckdb.DuckDBPyConnection, project: SqlProject, deployed: Mapping[str, str]
) -> dict[str, str]:
    """Load the seeds whose file changed; return the fingerprint of each by its name in the notes."""
    made = dict[str, str]()
    for name, path in project.seeds.items():
        fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        if deployed.get(f"seed {name}") != fingerprint:
            load_seed(connection, project, name)
            made[f"seed {name}"] = fingerprint
    return made


def _note_deployed(connection: duckdb.DuckDBPyConnection, made: Mapping[str, str]) -> None:
    """Note the fingerprints in two statements: each statement on a lake's table costs some milliseconds."""
    if made:
        names, fingerprints = list(made), list(made.values())
        connection.execute("DELETE FROM reference.deployed_models WHERE model IN (SELECT unnest(?))", [names])
        connection.execute("INSERT INTO reference.deployed_models SELECT unnest(?), unnest(?)", [names, fingerprints])
