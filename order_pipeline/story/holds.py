"""What ends a hold: for each reason what a person does, in words, and the command that comes next."""

from __future__ import annotations

from dataclasses import dataclass

from order_pipeline.story.words import command


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a person does about a hold; `commands` are without the program's name, `SOURCE` is the channel."""

    words: str
    commands: tuple[tuple[str, ...], ...] = (("run", "--source", "SOURCE"),)

    def commands_for(self, source: str) -> list[str]:
        """The commands, ready to be copied."""
        return [command(*(source if part == "SOURCE" else part for part in each)) for each in self.commands]


_LIST = (("locations", "check"), ("run", "--source", "SOURCE"))
_OF_CHANNEL = "it goes when its channel says otherwise"

REMEDIES = {
    "unknown_item": Remedy("add it to item_locations.csv", _LIST),
    "no_barcode": Remedy("add it to item_locations.csv", _LIST),
    "no_location": Remedy("add its bin to item_locations.csv", _LIST),
    "location_not_named": Remedy("name the location in the settings", (("doctor",), ("run", "--source", "SOURCE"))),
    "quarantined": Remedy(
        "correct it at the channel, or close the reject",
        (("quarantine", "list", "--source", "SOURCE"), ("run", "--source", "SOURCE")),
    ),
    "unknown_status": Remedy("add the status to dbt_style_sql/seeds/status_mappings.csv"),
    "awaiting_read": Remedy("the next run reads the order"),
    "fraud_locked": Remedy("it goes when its channel lifts the lock"),
    "line_not_ready": Remedy(_OF_CHANNEL),
    "contradictory_levels": Remedy("look at the order at its channel"),
    "remade_after_send": Remedy("withdraw or confirm the pick that it replaces", (("outbox", "tasks"),)),
}
OTHERWISE = Remedy(_OF_CHANNEL)


def remedy(reason: str | None) -> Remedy:
    """What ends a hold for this reason."""
    return REMEDIES.get(reason or "", OTHERWISE)
