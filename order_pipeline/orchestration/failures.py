"""How a failed call looks in the UI: our message, the status and the next step first, not the socket's complaint.

Belongs here: an API's error as Dagster's Failure. Does not belong here: retrying, or what an error means.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from order_pipeline.http.errors import ApiError


@contextmanager
def told_plainly() -> Iterator[None]:
    """Raise an API's error as a Failure whose description and metadata the run's page shows with the failed step.

    Raises:
        dagster.Failure: caused by the ApiError, which stays in the step's error with all that lies beneath it.
    """
    try:
        yield
    except ApiError as error:
        raise dg.Failure(
            description=str(error),
            metadata={
                "next step": error.next_step or "none is known",
                "status": "no answer" if error.status is None else str(error.status),
                "tries": error.attempts,
                "call": f"{error.method} {error.url}".strip() or "none",
            },
        ) from error
