"""Which runs failed, with no retry left, and no later run that mended it: for alerts.

A run that a schedule or a sensor started is mended by the next good run of the same origin. A run that a person started
over some days is mended only by a run over all of these days.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import PARTITION_NAME_TAG, SCHEDULE_NAME_TAG, SENSOR_NAME_TAG
from dagster_shared.error import SerializableErrorInfo

from order_pipeline.alerts.kinds import Kind
from order_pipeline.operations.incidents import Incident
from order_pipeline.orchestration.launch import deepest_error
from order_pipeline.orchestration.partitions import RANGE_END_TAG, RANGE_START_TAG

KINDS = (Kind.RUN_FAILED,)
LOOKED_BACK = timedelta(days=3)
LONGEST_WAIT_FOR_RETRY = timedelta(minutes=15)
"""A failed run that is marked to be retried waits for the daemon; where none runs, nobody retries it."""
MOST_RUNS = 500

TOLD_MODULES = (
    *("order_pipeline.http.", "order_pipeline.channels.", "order_pipeline.destinations."),
    *("order_pipeline.operations.", "order_pipeline.warehouse.lake."),
)
"""Errors of these modules are written by us, without values of records. Of any other only the class is told."""


def find_failed_runs(instance: dg.DagsterInstance, now: datetime, known: Collection[str]) -> Iterator[Incident]:
    """One incident for each job and origin whose last runs failed for good.

    Args:
        instance: with the runs.
        now: the time.
        known: ids of runs of open incidents, however old they are.
    """
    failed = _failed_records(instance, now, known)
    retried = {
        record.dagster_run.parent_run_id for record in failed if record.dagster_run.parent_run_id
    } | _parents_of_unfinished(instance)
    by_job: dict[str, list[dg.RunRecord]] = defaultdict(list)
    for record in failed:
        if record.dagster_run.run_id not in retried and not is_waiting_for_retry(record, now):
            by_job[record.dagster_run.job_name].append(record)
    for job, records in sorted(by_job.items()):
        good = instance.get_run_records(
            dg.RunsFilter(
                job_name=job,
                statuses=[dg.DagsterRunStatus.SUCCESS],
                created_after=min(record.create_timestamp for record in records),
            ),
            limit=MOST_RUNS,
        )
        by_subject: dict[str, list[dg.RunRecord]] = defaultdict(list)
        for record in records:
            if not any(mends(later, record) for later in good):
                by_subject[_subject(record.dagster_run)].append(record)
        yield from (_incident(instance, subject, unmended) for subject, unmended in sorted(by_subject.items()))


def _failed_records(instance: dg.DagsterInstance, now: datetime, known: Collection[str]) -> list[dg.RunRecord]:
    failures = [dg.DagsterRunStatus.FAILURE]
    recent = dg.RunsFilter(statuses=failures, updated_after=now - LOOKED_BACK)
    found = {each.dagster_run.run_id: each for each in instance.get_run_records(recent, limit=MOST_RUNS)}
    if known:
        older = dg.RunsFilter(statuses=failures, run_ids=sorted(known))
        found |= {each.dagster_run.run_id: each for each in instance.get_run_records(older)}
    return list(found.values())


def _parents_of_unfinished(instance: dg.DagsterInstance) -> set[str]:
    """Runs that are being tried again at this moment."""
    unfinished = instance.get_run_records(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)), limit=MOST_RUNS)
    return {parent for record in unfinished if (parent := record.dagster_run.parent_run_id)}


def is_waiting_for_retry(record: dg.RunRecord, now: datetime) -> bool:
    """Whether Dagster's daemon is about to start the run again."""
    ended = datetime.fromtimestamp(record.end_time, now.tzinfo) if record.end_time else record.update_timestamp
    return record.dagster_run.is_complete_and_waiting_to_retry and now - ended < LONGEST_WAIT_FOR_RETRY


def mends(later: dg.RunRecord, failed: dg.RunRecord) -> bool:
    """Whether a good run did what the failed one of the same job should have done."""
    if later.create_timestamp <= failed.create_timestamp:
        return False
    origin = _origin(failed.dagster_run)
    if origin and _origin(later.dagster_run) == origin:
        return True
    wanted, done = days_of(failed.dagster_run), days_of(later.dagster_run)
    return wanted is None or (done is not None and done[0] <= wanted[0] and done[1] >= wanted[1])


def _origin(run: dg.DagsterRun) -> str:
    """The schedule or the sensor that started the run; "" when a person did."""
    return run.tags.get(SCHEDULE_NAME_TAG) or run.tags.get(SENSOR_NAME_TAG) or ""


def days_of(run: dg.DagsterRun) -> tuple[date, date] | None:
    """The first and the last partition that the run covers; None: it has none."""
    single = run.tags.get(PARTITION_NAME_TAG)
    first, last = run.tags.get(RANGE_START_TAG, single), run.tags.get(RANGE_END_TAG, single)
    return None if first is None or last is None else (date.fromisoformat(first), date.fromisoformat(last))


def shown_days(run: dg.DagsterRun | None) -> str | None:
    """The partitions of the run for people: one, or `first...last`."""
    days = days_of(run) if run is not None else None
    return None if days is None else f"{days[0]}" if days[0] == days[1] else f"{days[0]}...{days[1]}"


def _subject(run: dg.DagsterRun) -> str:
    days = shown_days(run)
    return run.job_name if _origin(run) or days is None else f"{run.job_name} {days}"


def _incident(instance: dg.DagsterInstance, subject: str, unmended: Sequence[dg.RunRecord]) -> Incident:
    last = max(unmended, key=lambda record: record.create_timestamp)
    run = last.dagster_run
    times = "" if len(unmended) == 1 else f" {len(unmended)} times"
    return Incident(
        kind=Kind.RUN_FAILED,
        subject=subject,
        message=f"{run.job_name} failed{times}: {_told_failure(instance, run.run_id)}",
        next_step="Open the run, mend the cause, then re-execute it there: nothing is stored twice, no pick is sent "
        "twice.",
        since=min(record.create_timestamp for record in unmended),
        run_id=run.run_id,
        partitions=shown_days(run),
    )


def _told_failure(instance: dg.DagsterInstance, run_id: str) -> str:
    failures = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)]
    told = [f"{event.step_key}: {told_cause(event.step_failure_data.error)}" for event in failures if event is not None]
    return told[0] if told else "no step failed; its process was killed, or it could not start."


def told_cause(error: SerializableErrorInfo | None) -> str:
    """Why a step failed, without the reply of an API and without a library's text: both may repeat personal data."""
    found = deepest_error(error)
    if found is None:
        return "no error was recorded."
    text = " ".join(found.message.split())
    if not text.startswith(TOLD_MODULES):
        return f"{found.cls_name or 'an error'}; its text is on the run's page."
    sentence = _before(text.partition(": ")[2], (" | reply: ", " | next: "))
    call, said, reason = sentence.partition(": ")
    # `.../token: why` would look like a token to the redaction.
    return f"{call}, {reason}." if said and "://" in call else f"{sentence}."


def _before(text: str, marks: Iterable[str]) -> str:
    for mark in marks:
        text = text.partition(mark)[0]
    return text.rstrip(".")
