"""The names that settings have in the environment, and what is wrong with a name that none has.

A misspelt setting would leave its default in force without a word: a misspelt list of allowed orders sends every order.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

PREFIX = "ORDER_PIPELINE_"
_DELIMITER = "__"
_NOT_SETTINGS = {f"{PREFIX}TRACEBACK"}


class UnknownSettingError(ValueError):
    """Names in the environment or in `.env` that begin like a setting and are none."""

    next_step = "Mend the name in the environment or in .env. Every setting is described in order_pipeline/settings.py."


def check_names(settings: type[BaseModel], names: Iterable[str], switches: dict[str, Iterable[str]]) -> None:
    """Refuse names that begin with `ORDER_PIPELINE_` and name no setting; case does not count.

    Args:
        settings: the model of all settings.
        names: of the environment and of `.env`.
        switches: group -> fields that it has beside those of its model.

    Raises:
        UnknownSettingError: with the nearest known name of each.
    """
    given = {name.upper() for name in names}
    known = set(_known(settings, PREFIX, given)) | _NOT_SETTINGS
    known |= {f"{PREFIX}{group}{_DELIMITER}{field}".upper() for group, fields in switches.items() for field in fields}
    open_ended = tuple(name for name in known if name.endswith(_DELIMITER))
    unknown = sorted(
        name for name in given - known if name.startswith(PREFIX) and not (open_ended and name.startswith(open_ended))
    )
    if unknown:
        raise UnknownSettingError("; ".join(_told(name, known) for name in unknown))


def _known(model: type[BaseModel], prefix: str, given: Iterable[str]) -> Iterator[str]:
    """Each setting's name; a group's own name too, for it may be given as JSON; a table's ends with the delimiter.

    A table of groups (floors) has the names of those groups that are `given`.
    """
    for field, info in model.model_fields.items():
        name = f"{prefix}{field}".upper()
        yield name
        inner = _model_in(info.annotation)
        if get_origin(info.annotation) is not dict:
            if inner is not None:
                yield from _known(inner, name + _DELIMITER, given)
        elif inner is None:
            yield name + _DELIMITER
        else:
            for group in _groups_of(name + _DELIMITER, given):
                yield group
                yield from _known(inner, group + _DELIMITER, given)


def _groups_of(prefix: str, given: Iterable[str]) -> set[str]:
    """`ORDER_PIPELINE_FLOORS__NORTH` of `ORDER_PIPELINE_FLOORS__NORTH__CLIENT_ID`."""
    rests = (name.removeprefix(prefix) for name in given if name.startswith(prefix))
    return {prefix + group for rest in rests if (group := rest.partition(_DELIMITER)[0])}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *get_args(annotation)]
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _told(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, [each for each in known if not each.endswith(_DELIMITER)], n=1)
    return f"{name} is no setting" + (f"; did you mean {nearest[0]}?" if nearest else "")
