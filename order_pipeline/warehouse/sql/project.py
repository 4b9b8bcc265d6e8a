"""The SQL project `dbt_style_sql`: its models, macros and seeds, rendered, and in the order of their dependencies.

One file is one SELECT with jinja `ref()`, `source()`, `var()`, `config()` and the macros of `macros/`; real dbt runs
the same files. `ref("x")` is the relation `<schema>.x`, where the schema is the first folder of the model's path.
dbt_style_sql/README.md says how a source adds its models; `deploy` puts them into the lake, `slice` runs them over some
rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import jinja2
import yaml

from order_pipeline.redaction.errors import described

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


@dataclass(frozen=True, slots=True)
class Rendered:
    """A model's SQL for one purpose, what it read, and its config. It can be pickled."""

    model: SqlModel
    sql: str
    refs: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    config: Mapping[str, Any]

    @property
    def relation(self) -> str:
        """The qualified name of the model's view in the lake."""
        return self.model.relation


@cache
def _environment_of(templates: tuple[tuple[str, str], ...]) -> jinja2.Environment:
    """The templates, given by name and text; compiled once a process, whatever variables they are rendered with."""
    return jinja2.Environment(
        loader=jinja2.DictLoader(dict(templates)),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - SQL
    )


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
        self._environment = _environment_of(tuple(templates.items()))

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
            ref: relations that replace models or seeds.
            source: relations that replace `source(schema, table)`.

        Raises:
            SqlModelError: an unknown model or reference, or a template that does not render.
        """
        model = self._model(name)
        refs, sources, config = list[str](), list[tuple[str, str]](), dict[str, Any]()

        def resolve_ref(target: str) -> str:
            refs.append(target)
            return (ref or {}).get(target) or self.relation(target, name)

        def resolve_source(schema: str, table: str) -> str:
            sources.append((schema, table))
            return (source or {}).get((schema, table)) or f"{schema}.{table}"

        def keep_config(**options: Any) -> str:
            config.update(options)
            return ""

        context = {"ref": resolve_ref, "source": resolve_source, "var": self.variables.get, "config": keep_config}
        try:
            sql = self._environment.get_template(name).render(**self.macros(context)).strip()
        except jinja2.TemplateError as error:
            raise SqlModelError(f"{model.path}: {described(error)}") from error
        return Rendered(model, sql, tuple(refs), tuple(sources), config)

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
        digest.update(self._seed_bytes)
        return digest.hexdigest()[:16]

    @cached_property
    def _seed_bytes(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.seeds.values())

    def _model(self, name: str) -> SqlModel:
        if name not in self.models:
            raise SqlModelError(f"No model {name!r} under {self.directory / 'models'}.")
        return self.models[name]

    def relation(self, target: str, asking: str) -> str:
        """The qualified name of a model or seed that the model `asking` refers to.

        Raises:
            SqlModelError: there is none.
        """
        if target in self.models:
            return self.models[target].relation
        if target in self.seeds:
            return f"{SEED_SCHEMA}.{target}"
        raise SqlModelError(f"{self.models[asking].path}: ref({target!r}) names neither a model nor a seed.")


class _RenderedWhenAsked(dict[str, Rendered]):
    """A model that does not render stops only those who read it: a channel fails alone."""

    def __init__(self, project: SqlProject) -> None:
        super().__init__()
        self._project = project

    def __missing__(self, name: str) -> Rendered:
        rendered = self[name] = self._project.render(name)
        return rendered
