"""The secrets that this process holds, by their exact values: a message that repeats one loses it, whatever it means.

Passwords inside of addresses (the operations store's URL, the catalog's libpq string, a proxy) count as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import cast
from urllib.parse import unquote

from pydantic import BaseModel, SecretStr

SHORTEST = 4
"""A shorter value is left alone: it would be found inside of ordinary words."""

_VARIABLES = ("PGPASSWORD", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_IN_URL = re.compile(r"://[^/@\s:]*:([^/\s]+)@")
_IN_URL_WITH_USER = re.compile(r"(://[^/@\s:]*):[^/\s]+@")
_IN_OPTIONS = re.compile(r"""\bpassword\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s&'"]+))""", re.IGNORECASE)

_of_settings: frozenset[str] = frozenset()
_met: set[str] = set()


def hide_secrets_of(settings: BaseModel) -> None:
    """From now on every message of this process loses the secrets of these settings, and of no settings before them."""
    global _of_settings  # noqa: PLW0603 - a process has one set of settings
    _of_settings = frozenset(secrets_in(settings)) | frozenset(_of_environment())


def hide_secret(value: str | None) -> None:
    """From now on every message of this process loses this value too, such as a token that a login brought."""
    if value:
        _met.add(value)


def known_secrets() -> frozenset[str]:
    """All of them."""
    return _of_settings | frozenset(_met)


def secrets_in(group: BaseModel) -> Iterator[str]:
    """Every secret value of a group of settings, of all groups beneath, and the passwords in its addresses."""
    for name in type(group).model_fields:
        yield from _in_value(getattr(group, name))
    yield from (each for value in (group.model_extra or {}).values() for each in _in_value(value))


def _in_value(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
        yield from passwords_in(value.get_secret_value())
    elif isinstance(value, str):
        yield from passwords_in(value)
    elif isinstance(value, BaseModel):
        yield from secrets_in(value)
    elif isinstance(value, dict):  # a table of groups, like the floors
        for each in cast("dict[str, object]", value).values():
            yield from _in_value(each)


def passwords_in(address: str) -> Iterator[str]:
    """The passwords of a URL or a libpq string, as they are written and as they are meant."""
    for written in _found_in(address):
        yield from {written, unquote(written), re.sub(r"\\(.)", r"\1", written)}


def without_password(address: str) -> str:
    """The URL or libpq string with its password left out: whoever connects with it gives one in another way."""
    return _IN_OPTIONS.sub("", _IN_URL_WITH_USER.sub(r"\1@", address)).rstrip()


def _found_in(address: str) -> Iterable[str]:
    yield from _IN_URL.findall(address)
    yield from (quoted or bare for quoted, bare in _IN_OPTIONS.findall(address))


def _of_environment() -> Iterator[str]:
    for name in _VARIABLES:
        for written in (name, name.lower()):
            value = os.environ.get(written, "")
            yield from [value] if name == "PGPASSWORD" and value else passwords_in(value)
