"""What a channel is to the rest of the code: the description in `channels/<name>/channel.py`, and its parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from order_pipeline.channels.base import Extraction
from order_pipeline.channels.operator_commands import OperatorCommands
from order_pipeline.channels.personal import PersonalKeys
from order_pipeline.channels.settings import EVERYTHING, ChannelSettings
from order_pipeline.channels.webhook import Webhook
from order_pipeline.operations.store import OperationsStore

S = TypeVar("S", bound=ChannelSettings)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way in which a channel is read. `committed` gets the run id once everything it yielded is in the lake."""

    name: str
    extraction: Extraction
    committed: Callable[[str], object] = lambda _run_id: None


class ProbeError(Exception):
    """The API answered, and the answer shows that a setting is wrong. `next_step` says which."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class Probe(Generic[T]):
    """One small question that `doctor` asks the API.

    Attributes:
        ask: asks it and returns what the answer proves; raises NotConfigured, ApiError, ProbeError or ValueError.
        credentials: the settings to check when the API refuses the question.
        address: the settings to check when the API is not there.
    """

    ask: Callable[[T], Awaitable[str]]
    credentials: tuple[str, ...]
    address: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a channel, or a part of it, is read by itself.

    Attributes:
        family: whose own cadence it is; None: that of everything without one.
        cron: in UTC.
        families: what such a run reads; none: all.
    """

    family: str | None
    cron: str
    families: tuple[str, ...]


def _no_variables(_settings: Any) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Generic[S]):
    """One sales channel.

    Attributes:
        name: as in settings, tables, folders and commands: lower-case letters.
        title: as people write it.
        resources: its raw tables without the channel's prefix, each with what it holds.
        readings: the ways in which it is read, in order.
        probe: the question of `doctor`.
        schedule_minute: the minute of each hour at which it is read.
        families: what can be fetched alone, by name, with the resources that come of it; none: all come together.
        read_families: the extraction of some families; None where there are none.
        not_alone: what people may ask for alone, and the API gives with its order only: name -> how.
        never_filled: core tables that stay empty, each with the reason.
        sql_variables: what its SQL needs from its settings.
        webhook: how it pushes events; None if it does not.
        commands: what a person can ask it to do; None if nothing.
        personal: which keys of its payloads are personal data; what `privacy` finds and erases.
    """

    name: str
    title: str
    resources: Mapping[str, str]
    readings: Callable[[S, OperationsStore], Sequence[Reading]]
    probe: Probe[S]
    schedule_minute: int
    families: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    read_families: Callable[[S, Collection[str]], Extraction] | None = None
    not_alone: Mapping[str, str] = field(default_factory=dict[str, str])
    never_filled: Mapping[str, str] = field(default_factory=dict[str, str])
    sql_variables: Callable[[S], Mapping[str, str]] = _no_variables
    webhook: Webhook | None = None
    commands: OperatorCommands[S] | None = None
    personal: PersonalKeys = field(default_factory=PersonalKeys)

    def families_of(self, resources: Collection[str]) -> list[str]:
        """The families that bring these resources, in order; where two bring a resource, the smaller one."""
        chosen = {
            min((name for name, brought in self.families.items() if each in brought), key=self._size_of, default=None)
            for each in resources
        }
        return [name for name in self.families if name in chosen]

    def _size_of(self, family: str) -> int:
        return len(self.families[family])

    def cadences(self, settings: ChannelSettings) -> list[Cadence]:
        """When it is read by itself: its families that have a cadence of their own, and all the rest."""
        own = {family: cron for family, cron in settings.cadence.items() if family != EVERYTHING}
        cadences = [Cadence(family, cron, (family,)) for family, cron in own.items()]
        brought = {resource for family in own for resource in self.families[family]}
        rest = tuple(family for family, resources in self.families.items() if not brought.issuperset(resources))
        if rest or not own:
            cron = settings.cadence.get(EVERYTHING, f"{self.schedule_minute} * * * *")
            cadences.append(Cadence(None, cron, rest if own else ()))
        return cadences

    @property
    def pool(self) -> str:
        """The Dagster pool that keeps two runs from spending the channel's rate budget at once."""
        return f"{self.name}_api"
