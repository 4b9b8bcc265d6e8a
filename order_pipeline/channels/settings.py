"""What the settings of every channel have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

Location = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ChannelSettings(BaseModel, extra="forbid"):
    """The base of each channel's settings class.

    Attributes:
        picked_by_default: whether its orders are picked where no setting says so.
    """

    picked_by_default: ClassVar[bool] = True

    enabled: bool = True
    locations: list[Location] = Field(
        default_factory=list[str],
        description="Where our floor picks: locations as core.shipments has them. Shipments of others are not picked.",
    )
    other_locations: list[Location] = Field(
        default_factory=list[str], description="Locations that are known to be somebody else's."
    )

    @model_validator(mode="after")
    def _a_location_is_of_one_side(self) -> Self:
        if both := sorted(set(self.locations) & set(self.other_locations)):
            raise ValueError(f"{', '.join(both)}: both in locations and in other_locations")
        return self

    def required(self) -> Sequence[str]:
        """The fields that must be set before the channel can be read; `doctor` asks for them."""
        return ()
