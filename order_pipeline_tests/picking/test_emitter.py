"""The emitter alone, with senders that answer as told: the clock before a request, interruptions, token renewals."""

import asyncio

import pytest

from order_pipeline.destinations.scanorders_answers import Answer, Outcome
from order_pipeline.destinations.scanorders_poster import PickPoster
from order_pipeline.destinations.scanorders_token import StoredToken, TokenKeeper, save_token
from order_pipeline.http.retry import RetryPolicy
from order_pipeline.operations.installation_note import MarkKeeper
from order_pipeline.operations.leases import acquire
from order_pipeline.picking.outbox import store as outbox
from order_pipeline.picking.outbox.states import PickState
from order_pipeline.picking.sending.answer_store import AnswerStore
from order_pipeline.picking.sending.emitter import Emitter, SendingRules
from order_pipeline.picking.sending.queue import SendingQueue
from order_pipeline.sandbox.shared.faults import Fault
from order_pipeline_tests.picking.picks import MORNING, emit_rows, order_rows, states


class Accepting:
    """Accepts every line, and notes which lines were `sending` on disk as each request began."""

    def __init__(self, store):
        self.store = store
        self.sent = []
        self.sending_at_once = []

    async def create(self, payload, may_start, secrets=()):
        if not may_start():
            return Answer(outcome=Outcome.NOT_SENT, message="too late")
        self.sending_at_once.append(list(states(self.store).values()).count("sending"))
        await asyncio.sleep(0)
        self.sent.append(payload)
        return Answer(outcome=Outcome.ACCEPTED, http_status=200, fulfilment_id=str(len(self.sent)))

    async def renew_authorisation(self):
        return False


def planned(settings, store, rows):
    """Rows planned into the outbox without sending."""
    settings.scanorders.send = False
    emit_rows(settings, store, rows, run_id="plan")
    with store.reading() as connection:
        return outbox.load_lines(connection, states=[PickState.PLANNED])


def emitter_of(store, sender, lines, boundary=lambda _name: None, **rules):
    lease = acquire(store, "emission", "test", 60)
    answers = AnswerStore(store, lease, "run", 1, boundary, marks=MarkKeeper(lambda _mark: None))
    patience = RetryPolicy(attempts=2, cap_seconds=0.001)
    return Emitter(
        answers, sender, lease, SendingQueue(lines), SendingRules(policy=patience, **rules), boundary=boundary
    )


def test_no_more_lines_are_sending_on_disk_than_may_be_in_flight(settings, store):
    sender = Accepting(store)
    lines = planned(settings, store, order_rows(12))
    tally = asyncio.run(emitter_of(store, sender, lines, max_in_flight=3).run())
    assert (tally.sent, max(sender.sending_at_once)) == (24, 3)


def test_a_request_is_not_begun_when_the_lease_may_have_run_out_meanwhile(settings, store):
    sender = Accepting(store)
    lines = planned(settings, store, order_rows(1))
    times = iter(range(0, 100_000, 61))
    tally = asyncio.run(emitter_of(store, sender, lines, elapsed=lambda: next(times)).run())
    assert (sender.sent, tally.put_back) == ([], 3)
    assert set(states(store).values()) == {"planned"}


def test_an_interruption_stores_the_answers_under_way_and_starts_nothing_more(settings, store):
    class Slow(Accepting):
        async def create(self, payload, may_start, secrets=()):
            begun.set()
            await released.wait()
            return await super().create(payload, may_start, secrets)

    async def interrupt():
        task = asyncio.create_task(emitter_of(store, sender, lines, max_in_flight=2).run())
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        released.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    begun, released = asyncio.Event(), asyncio.Event()
    sender = Slow(store)
    lines = planned(settings, store, order_rows(5, lines_each=1))
    asyncio.run(interrupt())
    assert sorted(states(store).values()) == ["planned"] * 3 + ["sent"] * 2


def test_a_sender_that_breaks_leaves_a_doubt_not_a_crash(settings, store):
    class Broken(Accepting):
        async def create(self, payload, may_start, secrets=()):
            raise ZeroDivisionError

    lines = planned(settings, store, order_rows(1, lines_each=1))
    tally = asyncio.run(emitter_of(store, Broken(store), lines).run())
    assert (tally.in_doubt, set(states(store).values())) == (1, {"in_doubt"})


def test_a_token_that_ends_in_mid_batch_is_renewed_once_and_the_batch_goes_on(settings, store, sandbox):
    channel = sandbox.channels["scanorders"]

    class LoggedInMeanwhile(TokenKeeper):
        async def renew(self, refused):
            renewals.append(refused)
            save_token(settings, StoredToken(access_token=channel.issue_token(), obtained_at=MORNING))
            return await super().renew(refused)

    renewals = []
    settings.scanorders.access_token = None
    save_token(settings, StoredToken(access_token=channel.issue_token(), obtained_at=MORNING))
    sandbox.faults.add(Fault(api="scanorders", kind="expire_token", nth=6))
    report = emit_rows(
        settings,
        store,
        order_rows(10),
        run_id="r",
        open_sender=lambda chosen, _floor: PickPoster(chosen.scanorders, LoggedInMeanwhile(chosen)),
    )
    assert (report.sent, report.stopped, len(renewals)) == (20, "", 1)
    assert channel.ledger()["accepted"] == 20
