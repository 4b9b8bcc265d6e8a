"""One incident, one message when it begins and one when it is over, whoever looks, however often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from order_pipeline.operations.incident_messages import CLAIM, PATIENCE, claim_next, mark_failed, mark_sent
from order_pipeline.operations.incidents import (
    Incident,
    dismiss,
    forget_closed,
    latest_incidents,
    open_incidents,
    reconcile,
)
from order_pipeline.operations.store import OperationsStore

DISK = Incident(kind="disk", subject="/data", message="the disk is full", next_step="make room")
RUN = Incident(kind="run_failed", subject="a_job", message="it failed", next_step="mend it", run_id="run-1")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path, clock):
    embedded = f"sqlite:///{tmp_path / 'operations.sqlite'}"
    make = request.param == "postgresql" and request.getfixturevalue("new_postgres_database")
    store = OperationsStore(make() if make else embedded, clock=clock)
    store.create_all()
    yield store
    store.close()


def look(store, *found, **rules):
    return reconcile(store, found, ["log"], **rules)


def messages(store):
    """Take all that wait, as a messenger would."""
    taken = []
    while (waiting := claim_next(store, "log", not_again=[])) is not None:
        mark_sent(store, waiting.message_id)
        taken.append((waiting.event, waiting.incident["subject"]))
    return taken


def test_an_incident_that_stays_is_told_once(store):
    assert look(store, DISK).opened == ("disk//data",)
    assert [look(store, DISK).opened for _ in range(5)] == [()] * 5
    assert messages(store) == [("opened", "/data")]


def test_an_incident_that_is_gone_is_closed_and_told_once(store):
    look(store, DISK)
    assert look(store).closed == ("disk//data",)
    assert look(store).closed == ()
    assert messages(store) == [("opened", "/data"), ("closed", "/data")]
    assert open_incidents(store) == []


def test_an_incident_that_comes_again_is_another_one(store):
    for found in ([DISK], [], [DISK]):
        look(store, *found)
    assert [event for event, _ in messages(store)] == ["opened", "closed", "opened"]
    assert len(latest_incidents(store, 10)) == 2


def test_one_that_flickers_stays_one(store, clock):
    quiet = timedelta(minutes=10)
    for found in ([DISK], [], [DISK], []):
        look(store, *found, quiet=quiet)
        clock.advance(120)
    assert messages(store) == [("opened", "/data")]
    clock.advance(600)
    assert look(store, quiet=quiet).closed == ("disk//data",)


def test_what_could_not_be_looked_for_stays_open(store):
    look(store, DISK, RUN)
    assert look(store, unseen_kinds={"disk"}).closed == ("run_failed/a_job",)
    assert [row["kind"] for row in open_incidents(store)] == ["disk"]


def test_its_text_follows_what_is_seen_and_its_beginning_stays(store, clock):
    look(store, DISK)
    began = clock.now
    clock.advance(3600)
    look(store, Incident(kind="disk", subject="/data", message="fuller still", next_step="make room"))
    (row,) = open_incidents(store)
    assert (row["message"], row["since"], row["last_seen_at"]) == ("fuller still", began, clock.now)


def test_a_reminder_comes_only_when_it_is_asked_for(store, clock):
    look(store, DISK)
    clock.advance(25 * 3600)
    assert look(store, DISK).reminded == ()
    daily = timedelta(hours=24)
    assert look(store, DISK, remind_after=daily).reminded == ("disk//data",)
    assert look(store, DISK, remind_after=daily).reminded == ()
    assert [event for event, _ in messages(store)] == ["opened", "reminder"]


def test_what_a_person_dismissed_stays_closed_until_another_run_fails(store):
    look(store, RUN)
    (row,) = open_incidents(store)
    assert dismiss(store, row["incident_id"], "Eleni", ["log"])
    assert not dismiss(store, row["incident_id"], "Eleni", ["log"])
    assert look(store, RUN).opened == ()
    other = Incident(kind="run_failed", subject="a_job", message="again", next_step="mend it", run_id="run-2")
    assert look(store, other).opened == ("run_failed/a_job",)


def test_what_still_is_wrong_opens_again_whoever_dismissed_it(store):
    look(store, DISK)
    dismiss(store, open_incidents(store)[0]["incident_id"], "Eleni", ["log"])
    assert look(store, DISK).opened == ("disk//data",)


def test_what_is_over_for_a_year_is_forgotten_and_what_is_open_is_not(store, clock):
    look(store, DISK, RUN)
    look(store, RUN)
    year = timedelta(days=365)
    clock.advance(364 * 86_400)
    assert forget_closed(store, year) == 0
    clock.advance(2 * 86_400)
    assert forget_closed(store, year) == 1
    assert [row["kind"] for row in latest_incidents(store, 10)] == ["run_failed"]
    assert messages(store) == [("opened", "a_job")]


def test_processes_that_look_at_once_open_one_incident(store):
    with ThreadPoolExecutor(8) as threads:
        changes = list(threads.map(lambda _: look(store, DISK), range(16)))
    assert sum(len(each.opened) for each in changes) == 1
    assert messages(store) == [("opened", "/data")]


def test_processes_that_send_at_once_send_each_message_once(store):
    look(store, DISK, RUN)
    with ThreadPoolExecutor(8) as threads:
        claimed = list(threads.map(lambda _: claim_next(store, "log", not_again=[]), range(16)))
    assert len({each.message_id for each in claimed if each}) == 2
    assert sum(each is not None for each in claimed) == 2


def test_a_message_whose_sender_died_is_sent_by_the_next_one(store, clock):
    look(store, DISK)
    assert claim_next(store, "log", not_again=[]) is not None
    assert claim_next(store, "log", not_again=[]) is None
    clock.advance(CLAIM.total_seconds())
    assert messages(store) == [("opened", "/data")]


@pytest.mark.parametrize(("failures", "order"), [(1, ["/data", "a_job"]), (PATIENCE, ["a_job", "/data"])])
def test_a_message_that_fails_again_and_again_goes_behind_the_others(store, failures, order):
    look(store, DISK, RUN)
    for _ in range(failures):
        first = claim_next(store, "log", not_again=[])
        assert first is not None
        mark_failed(store, first.message_id, "refused")
    assert [subject for _, subject in messages(store)] == order
