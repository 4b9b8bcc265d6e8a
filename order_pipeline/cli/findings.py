"""What `doctor` answers with."""

from __future__ import annotations

from dataclasses import dataclass

from order_pipeline.redaction.texts import redact_message
from order_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer: `state` is `ok`, `off`, `waits` (for a person), `missing` or `failed`.

    `next_step` is empty when nothing is to be done. Its texts lose every secret.
    """

    what: str
    state: str
    detail: str
    next_step: str = ""

    def __post_init__(self) -> None:
        for name in ("what", "detail", "next_step"):
            object.__setattr__(self, name, redact_message(getattr(self, name)))


def name_of_floor(settings: Settings, floor: str) -> str:
    """What the findings about a floor's account are called; it has no name where there is only one."""
    return f"scanorders {floor}" if len(settings.floor_settings) > 1 else "scanorders"
