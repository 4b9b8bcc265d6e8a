"""The inbox: bytes once, pending until said to have landed, pruned afterwards. On SQLite and on PostgreSQL."""

import dataclasses
import datetime as dt

import pytest
from sqlalchemy.exc import DBAPIError

from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore

NOON = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
DAY = dt.date(2026, 3, 1)
NEXT_DAY = dt.date(2026, 3, 2)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request, tmp_path):
    if request.param == "postgresql":
        store = OperationsStore(request.getfixturevalue("postgres_url"))
        store.create_all()
        with store.writing() as connection:
            connection.execute(inbox.webhook_inbox.delete())
    else:
        store = OperationsStore(f"sqlite:///{tmp_path / 'operations.sqlite'}")
        store.create_all()
    yield store
    store.close()


def received(body, day: dt.date | None = DAY, at=NOON, **changes):
    event = inbox.ReceivedEvent("skroutz", body, True, "A-1", day, "127.0.0.1", at)
    return dataclasses.replace(event, **changes) if changes else event


def pending(store, start=DAY, end=NEXT_DAY, **options):
    return inbox.pending_events(store, "skroutz", start=start, end=end, **options)


def test_the_same_bytes_are_one_row_within_a_commit_and_across_commits(store):
    later = NOON + dt.timedelta(minutes=5)
    inbox.store_events(store, [received(b"1"), received(b"2"), received(b"1")])
    inbox.store_events(store, [received(b"1", at=later)])

    assert [event.body for event in pending(store)] == [b"1", b"2"]
    with store.reading() as connection:
        rows = connection.execute(inbox.webhook_inbox.select().order_by("event_id")).mappings().all()
    assert [row["deliveries"] for row in rows] == [3, 1]
    assert (rows[0]["received_at"], rows[0]["last_received_at"]) == (NOON, later)


def test_pending_events_come_in_order_of_arrival_those_without_a_day_always(store):
    inbox.store_events(store, [received(b"today"), received(b"tomorrow", NEXT_DAY), received(b"no day", None)])

    assert [event.body for event in pending(store)] == [b"today", b"no day"]
    assert [event.body for event in pending(store, NEXT_DAY, dt.date(2026, 3, 3))] == [b"tomorrow", b"no day"]
    assert inbox.pending_days(store, "skroutz") == {DAY: 1, NEXT_DAY: 1, None: 1}


def test_pages_of_pending_events_neither_repeat_nor_miss(store):
    inbox.store_events(store, [received(b"%d" % number) for number in range(7)])
    bodies, after = [], 0
    while page := pending(store, after_id=after, limit=3):
        bodies += [event.body for event in page]
        after = page[-1].event_id
    assert bodies == [b"%d" % number for number in range(7)]


def test_landed_events_do_not_come_again_not_even_when_delivered_again(store):
    inbox.store_events(store, [received(b"1"), received(b"2")])
    inbox.mark_landed(store, [pending(store)[0].event_id], "run-1")
    inbox.mark_landed(store, [pending(store)[0].event_id - 1], "run-2")
    inbox.store_events(store, [received(b"1")])

    assert [event.body for event in pending(store)] == [b"2"]
    with store.reading() as connection:
        assert (
            connection.execute(inbox.webhook_inbox.select().order_by("event_id")).mappings().first()["landed_run_id"]
            == "run-1"
        )


def test_counts_tell_pending_landed_unparsable_and_repeated(store):
    inbox.store_events(store, [received(b"1"), received(b"2"), received(b"2"), received(b"{", None, parsable=False)])
    inbox.mark_landed(store, [pending(store)[0].event_id], "run-1")

    assert inbox.counts(store, "skroutz") == inbox.InboxCounts(2, 1, 1, 1)
    assert inbox.counts(store, "other") == inbox.InboxCounts(0, 0, 0, 0)


def test_pruning_takes_old_landed_and_old_unparsable_events_and_never_a_pending_one(store):
    inbox.store_events(store, [received(b"landed"), received(b"pending"), received(b"{", None, parsable=False)])
    landed, _, unparsable = [event.event_id for event in pending(store)]
    inbox.mark_landed(store, [landed, unparsable], "run-1")
    future = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)

    assert inbox.prune(store, landed_before=NOON, unparsable_before=NOON) == 0
    assert inbox.prune(store, landed_before=future, unparsable_before=NOON) == 1
    assert inbox.prune(store, landed_before=future, unparsable_before=future) == 1
    assert [event.body for event in pending(store)] == [b"pending"]


def test_thousands_of_events_are_marked_at_once(store):
    inbox.store_events(store, [received(b"%d" % number) for number in range(1201)])
    inbox.mark_landed(store, [event.event_id for event in pending(store, limit=2000)], "run-1")
    assert inbox.counts(store, "skroutz").landed == 1201


def test_the_newest_event_is_known_by_its_number(store):
    assert inbox.newest_event_id(store, "skroutz") == 0
    inbox.store_events(store, [received(b"1"), received(b"2")])
    assert inbox.newest_event_id(store, "skroutz") == pending(store)[-1].event_id


def test_a_store_told_to_fail_fast_does_not_wait_for_a_lock(tmp_path):
    holder = OperationsStore(f"sqlite:///{tmp_path / 'operations.sqlite'}")
    holder.create_all()
    hurried = OperationsStore(f"sqlite:///{tmp_path / 'operations.sqlite'}")
    inbox.fail_fast(hurried, 0.05)
    with holder.writing(), pytest.raises(DBAPIError, match="locked"):
        inbox.store_events(hurried, [received(b"1")])
