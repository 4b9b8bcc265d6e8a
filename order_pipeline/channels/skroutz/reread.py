"""Truth by reading again: orders that can still change are read by their codes, and compared with what was known.

Three states have no webhook, four failed deliveries lose an event, and anyone who learns the webhook's URL can post:
so a read decides what an order is (docs/apis/skroutz.md sections 6, 13, 14). There is no list endpoint: codes come from
what raw and core hold, and from a file that the merchant exports, to start or after a long outage.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from order_pipeline.channels.base import CommitGroup, DeadLetter, FetchReport, RecordBatch, SoFar, SourceState, Window
from order_pipeline.channels.refusals import REFUSED_CALL, about
from order_pipeline.channels.refusals import refusal as refused_order
from order_pipeline.channels.rereads import Reach, plan_rereads, reach_back, utc_now
from order_pipeline.channels.skroutz.client import ReadOrder, TokenReplacedError, open_transport, read_order
from order_pipeline.channels.skroutz.due import Due
from order_pipeline.channels.skroutz.observations import RESOURCE, add_observation, facts_of, is_read
from order_pipeline.channels.skroutz.order_document import mask_secrets, parse_time, peek, without_secrets
from order_pipeline.channels.skroutz.reconciliation import Reconciliation
from order_pipeline.channels.skroutz.settings import SkroutzSettings
from order_pipeline.channels.webhook import NotJsonError, Peek, Problem
from order_pipeline.http.errors import REFUSALS_BORNE, UNREADABLE_JSON, ApiError, concerns_the_record
from order_pipeline.http.record_ids import problem_of_path_id
from order_pipeline.http.transport import Transport

READS_A_GROUP = 50
ALWAYS_REREAD = frozenset({"open", "accepted"})
SETTLED = frozenset({"rejected", "expired", "cancelled", "returned"})
"""Settled orders are left alone; every other state is read again for `reread_delivered_days` after its last change."""
NO_RUN = (
    "no run for a while: of that time's webhooks those are here that the receiver took; "
    "`order-pipeline skroutz recover` reads orders from a list of codes"
)


@dataclass(slots=True)
class RereadExtraction:
    """An `Extraction` that reads orders by their codes, within the rate budget and `reread_most_orders` a run.

    Args:
        settings: the shop.
        codes: read these instead of what is known to be open (a merchant's export); their number is not limited.
        told: code -> when its event counts, for events that were here before the read is asked for.
        answered: codes that this run has read already: they are not read again. Those that are read come to it.
        group_size: reads under way together. They are committed together too.
        is_patient: False: end when a whole group of reads failed; a later run reads what is left.
        result: filled while the run goes on.
        now: the clock.
    """

    settings: SkroutzSettings
    codes: Sequence[str] | None = None
    told: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    answered: set[str] = field(default_factory=set[str])
    group_size: int = READS_A_GROUP
    is_patient: bool = True
    result: Reconciliation = field(default_factory=Reconciliation)
    now: Callable[[], datetime] = utc_now

    async def __call__(self, window: Window, known: SourceState) -> AsyncGenerator[CommitGroup]:
        """Yield what the reads brought, then a report with the comparison.

        Raises:
            NotConfigured: no token.
            TokenReplacedError: the token was refused; what was read before is yielded first.
        """
        reach = self._reach_back(window, known)
        if self.codes is None:
            due = self._due(window, known, reach)
            asked = due.sample(self.settings.reread_most_orders)
        else:
            asked = self._askable(self.codes)
            due = Due([asked], [], "")
        awaited = {*known.awaiting_read(self.settings.account), *self.told}
        refusal: TokenReplacedError | None = None
        read = 0
        async with open_transport(self.settings) as transport:
            for number, codes in enumerate(_chunks(asked, self.group_size)):
                answers = await asyncio.gather(*(read_order(transport, code) for code in codes), return_exceptions=True)
                good = [answer for answer in answers if isinstance(answer, ReadOrder)]
                read += len(good)
                self.answered.update(answer.code for answer in good)
                batch = self._compare(good, known, awaited)
                refusal = self._set_aside(dict(zip(codes, answers, strict=True)), batch)
                done = number * self.group_size + len(codes)
                yield CommitGroup([batch], so_far=SoFar(transport.calls, done, len(asked), "orders"))
                if refusal is not None or not (good or batch.dead_letters or self.is_patient):
                    break
            reports = [self._report(window, transport, due, read)]
            if self.codes is None:
                # An order that is refused for itself is a reject, and holds back no other order's proof.
                complete = read + self.result.refused == len(asked)
                note = f"re-read: {len(asked)} orders by their codes"
                reports += reach.reports(RESOURCE, complete=complete, note=note)
            yield CommitGroup(reports=reports)
        if refusal is not None:
            raise refusal

    def _askable(self, codes: Sequence[str]) -> list[str]:
        """The codes that a URL can carry; the others are counted."""
        askable = [code for code in codes if problem_of_path_id(code) is None]
        self.result.left_out += len(codes) - len(askable)
        return askable

    def _reach_back(self, window: Window, known: SourceState) -> Reach:
        """Nothing can be asked by a time of change: what reaches back is the age at which orders are left alone."""
        return reach_back(
            known,
            f"shop {self.settings.account}",
            window,
            today=self.now().date(),
            look_back_days=0,
            most_days=self.settings.catch_up_days,
        )

    def _due(self, window: Window, known: SourceState, reach: Reach) -> Due:
        """By rank: orders held until they are read, open and accepted ones, others that changed not long ago.

        Old orders come in turn.
        """
        settings = self.settings
        ages_from = min(reach.ages_from, window.end)
        rereads = plan_rereads(
            known.unsettled_orders(settings.account),
            oldest=ages_from - timedelta(days=settings.reread_days),
            most_older=min(settings.reread_older_orders, settings.reread_most_orders // 2),
            now=self.now(),
        )
        codes = {*rereads.young, *known.latest_hashes(RESOURCE, window)} - self.answered
        in_turn = self._askable([code for code in rereads.in_turn if code not in codes | self.answered])
        note = rereads.describe(settings.reread_days)
        if reach.ages_from < self.now().date() - timedelta(days=1):
            note = f"{note}; {NO_RUN}"
        return Due(self._ranks(codes, known, min(ages_from + timedelta(days=1), window.end)), in_turn, note)

    def _ranks(self, codes: Collection[str], known: SourceState, before: date) -> list[list[str]]:
        awaited = known.awaiting_read(self.settings.account)
        as_of = min(self.now(), datetime.combine(before, time(), UTC))
        oldest = as_of - timedelta(days=self.settings.reread_delivered_days)
        held: list[str] = []
        urgent: list[str] = []
        recent: list[str] = []
        for some in _chunks(sorted(codes), 500):
            for code, payload in known.latest_payloads(RESOURCE, some).items():
                try:
                    seen = peek(payload)
                except NotJsonError:  # it was read once, from a place with more room (`UNREADABLE_JSON`)
                    urgent.append(code)
                    continue
                if code in awaited:
                    held.append(code)
                elif seen.state in ALWAYS_REREAD:
                    urgent.append(code)
                elif seen.state not in SETTLED and _changed_at(seen, payload) >= oldest:
                    recent.append(code)
        return [self._askable(held), self._askable(urgent), self._askable(recent)]

    def _compare(self, answers: list[ReadOrder], known: SourceState, awaited: Collection[str]) -> RecordBatch:
        batch = RecordBatch(RESOURCE)
        before = known.latest_payloads(RESOURCE, [answer.code for answer in answers])
        for answer in answers:
            if answer.content is None:
                self.result.not_found += 1
                if answer.code in awaited or _is_to_be_picked(before.get(answer.code)):
                    batch.dead_letters.append(_not_found(answer.code))
                continue
            problem = problem_of_answer(answer.content, answer.code)
            # An order that waits for a read is released by the row of this one, whatever raw saw last.
            is_news = problem is None and self._is_news(answer.content, before.get(answer.code))
            if is_news or (problem is None and answer.code in awaited):
                add_observation(batch, answer.content, answer.read_at, "read", follows=self.told.get(answer.code))
            elif problem is not None:
                self.result.dead_letters += 1
                is_json = problem.rule != "bad_json"
                payload = without_secrets(answer.content) if is_json else mask_secrets(answer.content)
                value = problem.value[:100]
                batch.dead_letters.append(
                    DeadLetter(problem.rule, problem.field, value, about(answer.code, payload), None, answer.code)
                )
        return batch

    def _is_news(self, content: bytes, before: bytes | None) -> bool:
        """Count the comparison; False where the last thing seen was a read that said the same.

        A webhook that says the same is confirmed by a row of its own, once: it could have been posted by anybody, and
        it may be a late one behind which a newer state hides.
        """
        if before is None:
            self.result.first_seen += 1
            return True
        now = facts_of(without_secrets(content))
        try:
            then = facts_of(before)
        except UNREADABLE_JSON:
            return True
        differing = {key for key in now.keys() | then.keys() if now.get(key) != then.get(key)}
        if differing:
            self.result.differed += 1
            self.result.differing_keys.update(differing)
            return True
        self.result.confirmed += 1
        return not is_read(before)

    def _set_aside(
        self, answers: Mapping[str, ReadOrder | BaseException], batch: RecordBatch
    ) -> TokenReplacedError | None:
        """Count the reads that failed; those that failed over their order are rejects, unless Skroutz refuses all."""
        refused = [code for code, answer in answers.items() if _is_about_the_order(answer)]
        all_refused = len(refused) == len(answers) > REFUSALS_BORNE
        refusal: TokenReplacedError | None = None
        for code, answer in answers.items():
            if isinstance(answer, TokenReplacedError):
                refusal = answer
            elif isinstance(answer, BaseException) and not isinstance(answer, ApiError):
                raise answer
            if isinstance(answer, ApiError) and code in refused and not all_refused:
                self.result.dead_letters += 1
                self.result.refused += concerns_the_record(answer)
                answer.content = mask_secrets(answer.content)
                batch.dead_letters.append(refused_order(code, "order.code", answer, record_id=code))
            elif isinstance(answer, ApiError):
                self.result.failed += 1
                self.result.failures[answer.reason] += 1
        return refusal

    def _report(self, window: Window, transport: Transport, due: Due, read: int) -> FetchReport:
        return FetchReport(
            RESOURCE,
            *window.moments,
            pages=read,
            records=read,
            claimed_total=len(due),
            complete=read == len(due) and not self.result.dead_letters,
            note="; ".join(filter(None, (self.result.describe(), due.note))),
            calls=transport.calls,
            account=self.settings.account,
            reading="re-read" if self.codes is None else "read back",
            ids=read,
            # What a webhook told a moment ago is confirmed nearly always: that says nothing of webhooks that were lost.
            read_again=self.result.compared if self.codes is None else None,
            surprises=self.result.otherwise if self.codes is None else None,
        )


def _is_about_the_order(answer: ReadOrder | BaseException) -> bool:
    """Whether its bytes or its refusal are the order's: also an error that came with status 200 at every try."""
    return isinstance(answer, ApiError) and (concerns_the_record(answer) or answer.status == 200)


def _is_to_be_picked(before: bytes | None) -> bool:
    """Whether what raw saw last of an order says that somebody may pick it."""
    try:
        return before is not None and peek(before).state in ALWAYS_REREAD
    except NotJsonError:
        return True


def _not_found(code: str) -> DeadLetter:
    """An order that may be picked and that Skroutz does not know (any more): of another shop, invented, or removed."""
    said = "answered 404: Skroutz knows no such order"
    return DeadLetter(REFUSED_CALL, "order.code", said, about(code, b""), None, code)


def problem_of_answer(content: bytes, code: str) -> Problem | None:
    """Why an answer cannot be filed as the order that was asked for; None if it can."""
    try:
        seen = peek(content)
        without_secrets(content)
    except NotJsonError as error:
        return Problem("bad_json", "payload", str(error))
    if seen.problem is None and seen.order_number != code:
        return Problem("missing_key", "order.code", f"asked for {code}, got {seen.order_number}")
    return seen.problem


def _changed_at(seen: Peek, payload: bytes) -> datetime:
    """When the state that is known began, as far as the observation says."""
    observed_at = parse_time(msgspec.json.decode(payload).get("observed_at"))
    return seen.event_time or observed_at or datetime.now(UTC)


def _chunks(codes: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(codes), size):
        yield codes[start : start + size]
