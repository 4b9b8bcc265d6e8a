"""The SQL project `dbt_style_sql`: load its models, render them, deploy them as views or run them over one batch.

One file is one SELECT with jinja `ref()`, `source()`, `var()`, `config()` and the macros of `macros/`; real dbt runs
the same files. Rendered for the lake, `ref("x")` is the view `staging.x` or `marts.x`; rendered for a batch, names that
the caller redirects are scratch tables instead. dbt_style_sql/README.md says how a source adds its models.
Does not belong here: which models a build needs and what happens to their rows (`core.py`).
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import yaml
from jinja2.bccache import Bucket

PROJECT_DIRECTORY = Path(__file__).resolve().parents[3] / "dbt_style_sql"
SEED_SCHEMA = "reference"
_MACROS = "macros/"


class SqlModelError(RuntimeError):
    """A model is missing, circular, or does not run; the message names the file."""


@dataclass(frozen=True, slots=True)
class SqlModel:
    """One file of `models/`: its name, the schema its folder deploys to, and the template."""

    name: str
    schema: str
    path: Path
    template: str

    @property
    def relation(self) -> str:
        """The qualified name of the model's view in the lake."""
        return f"{self.schema}.{self.name}"


@dataclass(slots=True)
class Rendered:
    """A model's SQL for one purpose, what it read, and its config."""

    sql: str
    refs: list[str] = field(default_factory=list[str])
    sources: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    config: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Deployment:
    """What `deploy` did: views made anew, views already up to date, views that wait for a raw table."""

    created: tuple[str, ...]
    unchanged: tuple[str, ...]
    waiting: tuple[str, ...]


class SqlProject:
    """The models, macros, seeds and variables of a project directory, read once."""

    def __init__(self, directory: Path = PROJECT_DIRECTORY, variables: Mapping[str, Any] | None = None) -> None:
        self.directory = directory
        settings = yaml.safe_load((directory / "dbt_project.yml").read_text(encoding="utf-8"))
        self.variables: dict[str, Any] = {**settings.get("vars", {}), **(variables or {})}
        self.models = {model.name: model for model in self._read_models()}
        self.seeds = {path.stem: path for path in sorted((directory / "seeds").glob("*.csv"))}
        macros = sorted((directory / "macros").glob("*.sql"))
        templates = {name: model.template for name, model in self.models.items()}
        templates[_MACROS] = "".join(path.read_text(encoding="utf-8") for path in macros)
        self._environment = jinja2.Environment(
            loader=jinja2.DictLoader(templates),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # noqa: S701 - SQL
            bytecode_cache=_compiled_before(),
        )

    def _read_models(self) -> Iterable[SqlModel]:
        root = self.directory / "models"
        for path in sorted(root.rglob("*.sql")):
            schema = path.relative_to(root).parts[0]
            yield SqlModel(path.stem, schema, path, path.read_text(encoding="utf-8"))

    def render(
        self,
        name: str,
        *,
        ref: Mapping[str, str] | None = None,
        source: Mapping[tuple[str, str], str] | None = None,
    ) -> Rendered:
        """Render a model.

        Args:
            name: the model's name, its file's stem.
            ref: relations that replace models or seeds (a batch's scratch tables).
            source: relations that replace `source(schema, table)`.

        Raises:
            SqlModelError: an unknown model or reference, or a template that does not render.
        """
        model = self._model(name)
        rendered = Rendered(sql="")

        def resolve_ref(target: str) -> str:
            rendered.refs.append(target)
            return (ref or {}).get(target) or self._relation(target, name)

        def resolve_source(schema: str, table: str) -> str:
            rendered.sources.append((schema, table))
            return (source or {}).get((schema, table)) or f"{schema}.{table}"

        def keep_config(**options: Any) -> str:
            rendered.config.update(options)
            return ""

        context = {"ref": resolve_ref, "source": resolve_source, "var": self._variable, "config": keep_config}
        try:
            rendered.sql = self._environment.get_template(name).render(**self.macros(context)).strip()
        except jinja2.TemplateError as error:
            raise SqlModelError(f"{model.path}: {error}") from error
        return rendered

    def macros(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The macros of `macros/`, seeing what the context names, beside the context itself."""
        return {**context, **vars(self._environment.get_template(_MACROS).make_module(dict(context)))}

    @cached_property
    def graph(self) -> Mapping[str, Rendered]:
        """Every model rendered for the lake, when asked for: refs and sources are the project's dependency graph."""
        return _RenderedWhenAsked(self)

    def upstream(self, names: Iterable[str]) -> list[str]:
        """The given models and every model they need, dependencies first; seeds are left out.

        Raises:
            SqlModelError: a circular reference.
        """
        ordered: list[str] = []
        walking: set[str] = set()

        def visit(name: str) -> None:
            if name in ordered or name in self.seeds:
                return
            if name in walking:
                raise SqlModelError(f"Circular ref() through {name}: {' -> '.join(sorted(walking))}")
            walking.add(name)
            for needed in self.graph[self._model(name).name].refs:
                visit(needed)
            walking.discard(name)
            ordered.append(name)

        for name in names:
            visit(name)
        return ordered

    def sources_of(self, names: Iterable[str]) -> set[tuple[str, str]]:
        """Every `source(schema, table)` that the models read, directly or through others."""
        return {source for name in self.upstream(names) for source in self.graph[name].sources}

    def fingerprint(self, names: Iterable[str]) -> str:
        """Short hash over the SQL of the models, all they need, and the seeds: changes when a result may change."""
        digest = hashlib.sha256()
        for name in self.upstream(names):
            digest.update(self.graph[name].sql.encode())
        for path in self.seeds.values():
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def execute(self, connection: duckdb.DuckDBPyConnection, name: str, statement: str) -> None:
        """Run a statement made from a model.

        Raises:
            SqlModelError: it does not run; the message names the model's file.
        """
        try:
            connection.execute(statement)
        except duckdb.Error as error:
            raise SqlModelError(f"{self.models[name].path} does not run: {error}") from error

    def deploy(self, connection: duckdb.DuckDBPyConnection) -> Deployment:
        """Create or replace the views whose SQL changed, in dependency order. Call it inside a lake transaction.

        A view over a raw table that no fetch has created yet waits: it is deployed by the next call.
        """
        connection.execute(
            "CREATE TABLE IF NOT EXISTS reference.deployed_models"
            " (model VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL)"
        )
        deployed = dict(connection.execute("SELECT model, fingerprint FROM reference.deployed_models").fetchall())
        self._deploy_seeds(connection, deployed)
        existing = _relations(connection)
        created, unchanged, waiting = list[str](), list[str](), list[str]()
        for name in self.upstream(self.models):
            model, rendered = self.models[name], self.graph[name]
            needed = {".".join(source) for source in rendered.sources}
            needed |= {self._relation(target, name) for target in rendered.refs}
            fingerprint = self.fingerprint([name])
            if not needed <= existing:
                waiting.append(name)
            elif deployed.get(name) == fingerprint and model.relation in existing:
                unchanged.append(name)
            else:
                self.execute(connection, name, f"CREATE OR REPLACE VIEW {model.relation} AS\n{rendered.sql}")
                _note_deployed(connection, name, fingerprint)
                existing.add(model.relation)
                created.append(name)
        return Deployment(tuple(created), tuple(unchanged), tuple(waiting))

    def load_seeds(self, connection: duckdb.DuckDBPyConnection, place: str) -> dict[str, str]:
        """Read every seed CSV (all text) into `place`; seed name -> relation."""
        for name in self.seeds:
            self._load_seed(connection, name, place)
        return {name: f"{place}.{name}" for name in self.seeds}

    def _load_seed(self, connection: duckdb.DuckDBPyConnection, name: str, place: str) -> None:
        connection.execute(
            f"CREATE OR REPLACE TABLE {place}.{name} AS SELECT * FROM read_csv(?, header = true, all_varchar = true)",
            [str(self.seeds[name])],
        )

    def _deploy_seeds(self, connection: duckdb.DuckDBPyConnection, deployed: Mapping[str, str]) -> None:
        for name, path in self.seeds.items():
            fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            if deployed.get(f"seed {name}") != fingerprint:
                self._load_seed(connection, name, SEED_SCHEMA)
                _note_deployed(connection, f"seed {name}", fingerprint)

    def _model(self, name: str) -> SqlModel:
        if name not in self.models:
            raise SqlModelError(f"No model {name!r} under {self.directory / 'models'}.")
        return self.models[name]

    def _relation(self, target: str, asking: str) -> str:
        if target in self.models:
            return self.models[target].relation
        if target in self.seeds:
            return f"{SEED_SCHEMA}.{target}"
        raise SqlModelError(f"{self.models[asking].path}: ref({target!r}) names neither a model nor a seed.")

    def _variable(self, name: str, default: Any = None) -> Any:
        return self.variables.get(name, default)


class _KeptCompiled(jinja2.FileSystemBytecodeCache):
    """Keeps compiled templates where it can; what the disk refuses or damaged is compiled again."""

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _compiled_before() -> jinja2.BytecodeCache | None:
    """What earlier processes compiled, in the user's temporary directory: compiling takes each build 40 ms.

    None where the system has no directory that is safe from other users.
    """
    try:
        return _KeptCompiled()
    except (OSError, RuntimeError):
        return None


class _RenderedWhenAsked(dict[str, Rendered]):
    """Rendering compiles a template: a build of one channel needs a third of the models."""

    def __init__(self, project: SqlProject) -> None:
        super().__init__()
        self._project = project

    def __missing__(self, name: str) -> Rendered:
        rendered = self[name] = self._project.render(name)
        return rendered


def _note_deployed(connection: duckdb.DuckDBPyConnection, name: str, fingerprint: str) -> None:
    connection.execute("DELETE FROM reference.deployed_models WHERE model = ?", [name])
    connection.execute("INSERT INTO reference.deployed_models VALUES (?, ?)", [name, fingerprint])


def _relations(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " UNION ALL SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = current_database()"
    ).fetchall()
    return {row[0] for row in rows}
