"""What dbt's own names are while sqlfluff reads a model: `make lint` needs no dbt, no lake and no settings.

sqlfluff's stand-in of `var()` gives one word for every variable. The models loop over lists and maps, so the variables
are those of `dbt_project.yml`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_PROJECT = yaml.safe_load((Path(__file__).parents[1] / "dbt_project.yml").read_text(encoding="utf-8"))


def var(name: str, default: Any = None) -> Any:
    """The variable's value in `dbt_project.yml`, else the default."""
    return _PROJECT["vars"].get(name, default)
