"""dbt's `var()` while sqlfluff reads a model: it gives the values of `dbt_project.yml`.

sqlfluff has a `var()` of its own that gives one word for every variable, and the models loop over lists and maps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_PROJECT = yaml.safe_load((Path(__file__).parents[1] / "dbt_project.yml").read_text(encoding="utf-8"))


def var(name: str, default: Any = None) -> Any:
    """The variable's value in `dbt_project.yml`, else the default."""
    return _PROJECT["vars"].get(name, default)
