r"""What a terminal must not get: characters of a record that move the cursor, ring, colour, or turn the writing around.

They are shown as escapes (`\x1b`, `\u202e`), in what people read. What programs read stays exact.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from io import TextIOWrapper
from typing import Any, TextIO

from rich.console import Console

_SUSPECT = re.compile(r"[^\x20-\x7e\n\t]")
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_FORMULA_BEGINS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def visible(text: str) -> str:
    """The text with escapes in place of control, bidirectional and other unseen characters; line ends and tabs stay."""
    return _SUSPECT.sub(lambda found: _escaped(found[0]) if _is_hidden(found[0]) else found[0], text)


def visible_json(text: str, stream: TextIO) -> str:
    """JSON that says the same, without characters that the stream cannot show: each is an escape of JSON's own."""
    on_terminal, encoding = stream.isatty(), stream.encoding or "utf-8"

    def shown(found: re.Match[str]) -> str:
        character = found[0]
        as_it_is = _can_write(character, encoding) and not (on_terminal and _is_hidden(character))
        return character if as_it_is else json.dumps(character)[1:-1]

    return _SUSPECT.sub(shown, text)


def neutral(value: object, text: str) -> str:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe in front."""
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA_BEGINS) else text


class PlainConsole(Console):
    """A console that prints texts as they are: no emoji codes, and nothing that a terminal would obey."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, texts made visible first."""
        super().print(*(visible(each) if isinstance(each, str) else each for each in objects), **options)


def write_what_cannot_be_encoded_as_escapes() -> None:
    """Let stdout and stderr of this process write a backslash escape where their encoding has no character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def encode_files_as_utf8(stream: TextIO) -> None:
    """Make the stream UTF-8 unless it is a terminal: CSV has no escapes, and a file outlives the terminal's locale."""
    if isinstance(stream, TextIOWrapper) and not stream.isatty():
        stream.reconfigure(encoding="utf-8")


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _can_write(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
