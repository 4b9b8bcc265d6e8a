"""What is asked of the price list and of the stock: items, and how many pieces (docs/apis/scansource.md section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Question(NamedTuple):
    """An item, and the quantity that a price is asked for; stock is asked for the item alone."""

    item: str
    quantity: int


def batches(questions: Iterable[Question], size: int) -> list[list[Question]]:
    """The questions in calls of at most `size`, none of which asks for an item twice.

    A pricing answer repeats the item number and not the quantity, so two quantities of an item need two calls. Case
    does not tell two items apart.
    """
    found: list[dict[str, Question]] = []
    for question in questions:
        item = question.item.casefold()
        fitting = next((batch for batch in found if len(batch) < size and item not in batch), None)
        if fitting is None:
            found.append(fitting := dict[str, Question]())
        fitting[item] = question
    return [list(batch.values()) for batch in found]
