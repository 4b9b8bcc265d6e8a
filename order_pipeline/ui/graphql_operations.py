"""What a GraphQL document would do. It is parsed by the parser that Dagster executes with, never searched for words."""

from __future__ import annotations

from functools import lru_cache

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

MOST_TOKENS = 50_000
"""The largest document of Dagster's own pages has about a tenth of it."""


class UnreadableDocumentError(ValueError):
    """It is no GraphQL document, or one too large to be a page's."""


@lru_cache(maxsize=256)  # the pages send the same documents again and again
def operations_in(document: str) -> frozenset[OperationType]:
    """The kinds of all operations of a document, also of those that its `operationName` leaves out.

    Raises:
        UnreadableDocumentError: it cannot be parsed, or nests too deeply.
    """
    try:
        parsed = parse(document, no_location=True, max_tokens=MOST_TOKENS)
    except GraphQLError as error:
        raise UnreadableDocumentError(error.message) from None
    except RecursionError:
        raise UnreadableDocumentError("it nests too deeply") from None
    return frozenset(each.operation for each in parsed.definitions if isinstance(each, OperationDefinitionNode))


def changes(document: str) -> bool:
    """Whether any operation of the document is a mutation.

    Raises: as `operations_in`.
    """
    return OperationType.MUTATION in operations_in(document)
