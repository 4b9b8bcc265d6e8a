"""What the settings of every channel have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, Field, StringConstraints, field_validator, model_validator

from order_pipeline.channels.cron import wrong_in_cron
from order_pipeline.floors import MAIN, FloorName

Location = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
EVERYTHING = "all"
"""In a cadence: the channel's run over all that has no cadence of its own."""


class ChannelSettings(BaseModel, extra="forbid"):
    """The base of each channel's settings class.

    Attributes:
        families: those of its `Channel`.
        picked_by_default: whether its orders are picked where no setting says so.
    """

    families: ClassVar[tuple[str, ...]] = ()
    picked_by_default: ClassVar[bool] = True

    enabled: bool = True
    cadence: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="When it is read, as cron in UTC, by family; `all`: what is not named. Default: hourly.",
    )
    locations: list[Location] | dict[Location, FloorName] = Field(
        default_factory=list[str],
        description="Where our floors pick: locations as core.shipments has them, as a list, or each with its floor. "
        "Shipments of other locations are not picked.",
    )
    floor: FloorName = Field(
        default=MAIN, description="The floor of the locations that have none of their own, and of picks without one."
    )
    other_locations: list[Location] = Field(
        default_factory=list[str], description="Locations that are known to be somebody else's."
    )

    keep_personal_days: int | None = Field(
        default=None,
        ge=1,
        description="Orders that are older are erased each night: names, addresses, not totals. None: never.",
    )

    @model_validator(mode="after")
    def _a_location_is_of_one_side(self) -> Self:
        if both := sorted(set(self.locations) & set(self.other_locations)):
            raise ValueError(f"{', '.join(both)}: both in locations and in other_locations")
        return self

    def floors_by_location(self) -> dict[str, str]:
        """The floor that picks at each of our locations."""
        listed = self.locations
        return dict(listed) if isinstance(listed, dict) else dict.fromkeys(listed, self.floor)

    def required(self) -> Sequence[str]:
        """The fields that must be set before the channel can be read; `doctor` asks for them."""
        return ()

    @field_validator("cadence")
    @classmethod
    def _is_cron_of_a_family(cls, cadence: dict[str, str]) -> dict[str, str]:
        known = (EVERYTHING, *cls.families)
        for family, cron in cadence.items():
            if family not in known:
                raise ValueError(f"{family!r} cannot be read alone; there is {', '.join(known)}")
            if (wrong := wrong_in_cron(cron)) is not None:
                raise ValueError(f"{cron!r} of {family} is no cron: {wrong}; five fields of numbers, like '0 6 * * *'")
        return cadence
