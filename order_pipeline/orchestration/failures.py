"""How a failed API call looks in the UI: our message, the status and the next step first."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from order_pipeline.http.errors import ApiError


@contextmanager
def api_errors_as_failures() -> Generator[None]:
    """Turn an ApiError into a Failure; the run's page shows its description and metadata with the failed step.

    Raises:
        dagster.Failure: its cause is the ApiError.
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
