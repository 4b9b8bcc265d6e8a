"""The sentences as comments in the lake, and as the table `reference.dictionary`.

DuckLake keeps comments of tables, of their columns and of views. It refuses one of a schema or of a view's column, so
these can be asked of the table. Its catalog keeps every version of a comment: a relation is commented again only when
its words have changed, and a deployment that finds nothing new reads no yml.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import duckdb
import pyarrow as pa

from order_pipeline.channels import registry
from order_pipeline.contracts import CORE_TABLES, ItemLocations, table_contract
from order_pipeline.dictionary.words import ColumnWords, TableWords, words_of_lake
from order_pipeline.dictionary.yml import PERSONAL, fingerprint_of_yml
from order_pipeline.warehouse.lake.comments import marked
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake_schemas import SCHEMAS
from order_pipeline.warehouse.raw.tables import CURRENT_SENTENCES, RAW_SENTENCES
from order_pipeline.warehouse.sql.deploy import Deployment, deploy, note_deployed
from order_pipeline.warehouse.sql.project import SEED_SCHEMA, SqlProject

DICTIONARY = f"{SEED_SCHEMA}.dictionary"
_ALL = "comments"
_ROWS = "comments: the dictionary"
_COLUMNS = pa.schema(
    {
        "table_schema": pa.string(),
        "table_name": pa.string(),
        "column_name": pa.string(),
        "position": pa.int32(),
        "sentence": pa.string(),
        "is_personal": pa.bool_(),
    }
)


def deploy_described(connection: duckdb.DuckDBPyConnection, project: SqlProject) -> Deployment:
    """Deploy the seeds and views that changed, and say of every table, view and column what it means.

    Args:
        connection: inside a transaction of the lake.
        project: what to deploy.

    Raises:
        SqlModelError: see `deploy`.
    """
    deployment = deploy(connection, project)
    stand = _stand(project, deployment)
    if deployment.created or deployment.notes.get(_ALL) != stand:
        note_deployed(connection, {**_describe(connection, project, deployment), _ALL: stand})
    return deployment


def _stand(project: SqlProject, deployment: Deployment) -> str:
    """A hash of all that the comments depend on, which is made without reading the yml."""
    contracts = [
        [(column.name, column.description, column.personal) for column in table_contract(model).columns]
        for model in (*CORE_TABLES.values(), ItemLocations)
    ]
    seeds = {name: note for name, note in deployment.notes.items() if name.startswith("seed ")}
    resources = [(channel.name, channel.resources) for channel in registry.channels().values()]
    of_raw = (resources, RAW_SENTENCES, CURRENT_SENTENCES)
    parts = (contracts, SCHEMAS, of_raw, sorted(seeds.items()), sorted(deployment.relations - {DICTIONARY}))
    return _hash(f"{fingerprint_of_yml(project.directory)}{parts}")


def _describe(connection: duckdb.DuckDBPyConnection, project: SqlProject, deployment: Deployment) -> Mapping[str, str]:
    """Write the comments that differ; the note of each relation that was commented, by its name in the notes."""
    words, made = words_of_lake(project), dict[str, str]()
    renewed = {project.models[name].relation for name in deployment.created}
    for relation in deployment.relations & words.keys() - {DICTIONARY}:
        said = words[relation]
        seed = deployment.notes.get(f"seed {relation.partition('.')[2]}", "")
        note, now = f"{_ALL}: {relation}", _hash(f"{said}{seed}")
        if relation in renewed or deployment.notes.get(note) != now:
            for statement in _statements(relation, said):
                connection.execute(statement)
            made[note] = now
    rows = list(_rows(words))
    if deployment.notes.get(_ROWS) != _hash(repr(rows)):
        connection.register("described", pa.Table.from_pylist(rows, _COLUMNS))
        connection.execute(f"CREATE OR REPLACE TABLE {DICTIONARY} AS SELECT * FROM described")
        connection.unregister("described")
        for statement in _statements(DICTIONARY, words[DICTIONARY]):
            connection.execute(statement)
        made[_ROWS] = _hash(repr(rows))
    return made


def _statements(relation: str, said: TableWords) -> Iterator[str]:
    if said.mark:
        yield f"COMMENT ON VIEW {relation} IS {quoted(marked(said.sentence, said.mark))}"
        return
    yield f"COMMENT ON TABLE {relation} IS {quoted(said.sentence)}"
    for name, column in said.columns.items():
        yield f"COMMENT ON COLUMN {relation}.{name} IS {quoted(comment_of(column))}"


def comment_of(column: ColumnWords) -> str:
    """What a column's comment says."""
    return (
        f"{column.sentence} {PERSONAL}" if column.is_personal and PERSONAL not in column.sentence else column.sentence
    )


def _rows(words: Mapping[str, TableWords]) -> Iterator[dict[str, object]]:
    for schema, text in SCHEMAS.items():
        yield {"table_schema": schema, "position": 0, "sentence": text, "is_personal": False}
    for relation, said in words.items():
        schema, _, name = relation.partition(".")
        row = {"table_schema": schema, "table_name": name}
        holds = any(column.is_personal for column in said.columns.values())
        yield {**row, "position": 0, "sentence": said.sentence, "is_personal": holds}
        for position, (column, about) in enumerate(said.columns.items(), 1):
            words_of_column = {"sentence": about.sentence, "is_personal": about.is_personal}
            yield {**row, "column_name": column, "position": position, **words_of_column}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
