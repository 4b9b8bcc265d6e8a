"""The inbox, then a read of each order that its events want picked: nothing is sent on an event's word alone.

Anyone who learns the webhook's URL can post, and an order may have been cancelled since. An order that could not be
read is held (`awaiting_read`) until a later run has read it. Whatever the API answers, the events land.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from order_pipeline.channels.base import CommitGroup, FetchReport, SourceState, Window
from order_pipeline.channels.rereads import utc_now
from order_pipeline.channels.skroutz.due import sampled
from order_pipeline.channels.skroutz.inbox_extraction import InboxExtraction
from order_pipeline.channels.skroutz.observations import RESOURCE
from order_pipeline.channels.skroutz.reread import RereadExtraction
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.http.errors import ApiError, NotConfigured

READS_A_GROUP = 25
TRIES = 2
"""Of one read. The floor waits for this run, and a later run asks again."""


@dataclass(slots=True)
class InboxReadBack:
    """An `Extraction` of the inbox, and of the orders that it wants picked, `read_back_most_orders` of them at most.

    Where room is left, it also reads young orders that an earlier run could not read.

    Args:
        inbox: the events that wait.
        settings: the shop.
        answered: codes that were read; filled while the run goes on.
        now: the clock.
    """

    inbox: InboxExtraction
    settings: SkroutzSettings
    answered: set[str] = field(default_factory=set[str])
    now: Callable[[], datetime] = utc_now

    async def __call__(self, window: Window, known: SourceState) -> AsyncGenerator[CommitGroup]:
        """Yield the events, then the reads and their report; that report is incomplete where the API fails."""
        async with aclosing(self.inbox(window, known)) as groups:
            async for group in groups:
                yield group
        told = self.inbox.accepted()
        codes = self._wanted(told, known.awaiting_read(self.settings.account))
        if not codes:
            return
        rate = self.settings.rate.model_copy(update={"attempts": min(TRIES, self.settings.rate.attempts)})
        reread = RereadExtraction(
            self.settings.model_copy(update={"rate": rate}),
            codes=codes,
            told={code: told[code] for code in codes if code in told},
            answered=self.answered,
            group_size=READS_A_GROUP,
            is_patient=False,
        )
        try:
            async with aclosing(reread(window, known)) as groups:
                async for group in groups:
                    yield group
        except (ApiError, NotConfigured) as error:
            note = f"orders of webhooks were not read, and are held (awaiting_read): {error}"
            report = FetchReport(
                RESOURCE,
                *window.moments,
                *(0, 0, len(codes)),
                complete=False,
                note=note,
                account=self.settings.account,
                reading="read back",
            )
            yield CommitGroup(reports=[report])

    def _wanted(self, told: Mapping[str, datetime], waiting: Mapping[str, date]) -> list[str]:
        oldest = self.now().date() - timedelta(days=self.settings.reread_days)
        earlier = [code for code, day in waiting.items() if code not in told and day >= oldest]
        return sampled([list(told), earlier], self.settings.read_back_most_orders)
