"""Deploying the SQL project into the lake: its seeds as tables, its models as views, what changed only.

A view carries its fingerprint in its comment, behind the sentence that `dictionary.comments` puts there. Who replaces
the view takes the comment away, so a view that is not ours is found and put back: it may decide who is picked.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import duckdb

from order_pipeline.redaction.errors import shown_text
from order_pipeline.warehouse.lake.comments import mark_of
from order_pipeline.warehouse.lake.connection import relations
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlModelError, SqlProject

_LOG = logging.getLogger(__name__)
_ON_VIEW = "on view "
"""Before the fingerprint in the notes, where the view carries it too; views of earlier versions carry none."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What `deploy` did.

    Attributes:
        created: views made anew.
        unchanged: views already up to date.
        waiting: views that wait for a raw table.
        put_back: of those made anew, the ones that somebody else had replaced.
        notes: what `reference.deployed_models` says now.
        relations: the lake's tables and views.
    """

    created: tuple[str, ...]
    unchanged: tuple[str, ...]
    waiting: tuple[str, ...]
    put_back: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    relations: AbstractSet[str] = field(default_factory=set[str], repr=False)


def deploy(connection: duckdb.DuckDBPyConnection, project: SqlProject) -> Deployment:
    """Create or replace the seeds and views whose text changed or that are not ours, in dependency order.

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
    existing, marks = relations(connection), _marks(connection)
    created, unchanged, waiting, put_back = list[str](), list[str](), list[str](), list[str]()
    for name in project.upstream(project.models):
        model, rendered = project.models[name], project.graph[name]
        needed = {".".join(source) for source in rendered.sources}
        needed |= {project.relation(target, name) for target in rendered.refs}
        fingerprint = project.fingerprint([name])
        if not needed <= existing:
            waiting.append(name)
        elif model.relation in existing and marks.get(model.relation) == mark(fingerprint):
            unchanged.append(name)
        else:
            if model.relation in existing and marks.get(model.relation) != _mark_of_note(deployed.get(name)):
                put_back.append(name)
                _LOG.warning("%s is not what was deployed: somebody replaced it. It is put back.", model.relation)
            try:
                connection.execute(f"CREATE OR REPLACE VIEW {model.relation} AS\n{rendered.sql}")
            except duckdb.Error as error:
                raise SqlModelError(f"{model.path} does not run: {shown_text(error)}") from error
            connection.execute(f"COMMENT ON VIEW {model.relation} IS {quoted(mark(fingerprint))}")
            made[name] = f"{_ON_VIEW}{fingerprint}"
            existing.add(model.relation)
            created.append(name)
    note_deployed(connection, made)
    return Deployment(
        tuple(created), tuple(unchanged), tuple(waiting), tuple(put_back), notes=deployed | made, relations=existing
    )


def mark(fingerprint: str) -> str:
    """What the comment of a view of ours ends with."""
    return f"order-pipeline {fingerprint}"


def _mark_of_note(noted: str | None) -> str | None:
    """The mark that the view had when it was deployed; None: it had none."""
    return mark(noted.removeprefix(_ON_VIEW)) if noted and noted.startswith(_ON_VIEW) else None


def _marks(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    rows = connection.execute(
        "SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE database_name = 'lake'"
    ).fetchall()
    return {view: mark_of(comment) for view, comment in rows}


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


def note_deployed(connection: duckdb.DuckDBPyConnection, made: Mapping[str, str]) -> None:
    """Note the fingerprints in two statements: each statement on a lake's table costs some milliseconds."""
    if made:
        names, fingerprints = list(made), list(made.values())
        connection.execute("DELETE FROM reference.deployed_models WHERE model IN (SELECT unnest(?))", [names])
        connection.execute("INSERT INTO reference.deployed_models SELECT unnest(?), unnest(?)", [names, fingerprints])
