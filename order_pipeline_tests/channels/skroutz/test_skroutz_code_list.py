"""Codes out of whatever the panel exports."""

# ruff: noqa: RUF001  Greek text is Greek text

import pytest

from order_pipeline.channels.operator_commands import RequestError
from order_pipeline.channels.skroutz.code_list import codes_in_file


@pytest.mark.parametrize(
    ("text", "column", "codes"),
    [
        ("code\nA-1\nA-2\n", None, ["A-1", "A-2"]),
        ("A-1\nA-2\n", None, ["A-1", "A-2"]),
        ("\ufeffΚωδικός;Σύνολο\nA-1;10,40\nA-2;5\n", None, ["A-1", "A-2"]),
        ("total,Order\n1,A-1\n2,A-1\n3,\n", None, ["A-1"]),
        ("id\tref\n1\tA-1\n", "ref", ["A-1"]),
        ('code,note\n"A-1","x, y"\n\n', None, ["A-1"]),
        ("code\n001\n", None, ["001"]),
    ],
)
def test_codes_are_found_once_in_order_as_text(tmp_path, text, column, codes):
    path = tmp_path / "orders.csv"
    path.write_text(text, encoding="utf-8")
    assert codes_in_file(path, column) == codes


@pytest.mark.parametrize(("text", "column"), [("", None), ("code\n", None), ("code\nA\n", "ref")])
def test_a_file_without_codes_is_an_error_that_names_it(tmp_path, text, column):
    path = tmp_path / "orders.csv"
    path.write_text(text)
    with pytest.raises(RequestError, match=r"orders\.csv"):
        codes_in_file(path, column)
