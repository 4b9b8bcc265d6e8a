"""After a restore no schedule and no sensor runs until a person calls the gap settled."""

import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from msgspec import structs

from order_pipeline import definitions
from order_pipeline.orchestration.instance import open_instance, stop_schedules
from order_pipeline.recovery.stores import notes_of


@pytest.mark.parametrize(("schedules_off", "status"), [(True, "STOPPED"), (False, "RUNNING")])
def test_dagster_starts_no_schedule_until_the_gap_is_settled(installation, monkeypatch, schedules_off, status):
    settings = installation.settings
    notes = notes_of(settings)
    note = notes.read()
    assert note is not None
    notes.write(structs.replace(note, schedules_off=schedules_off))
    settings.schedule.active = True
    monkeypatch.setattr(definitions, "load_settings", lambda: settings)
    repository = definitions.definitions().get_repository_def()
    assert {each.default_status.value for each in repository.schedule_defs} == {status}
    assert {each.default_status.value for each in repository.sensor_defs} == {status}


@pytest.mark.costly
def test_schedules_that_a_person_switched_on_are_switched_off(installation):
    with open_instance(installation.settings) as instance:
        repository = definitions.build_definitions(installation.settings).get_repository_def()
        instance.add_instigator_state(switched_on(repository.get_schedule_def("emission_every_15_minutes")))
    assert stop_schedules(installation.settings) == 1
    assert stop_schedules(installation.settings) == 0


def test_where_no_dagster_was_none_is_made(installation):
    assert stop_schedules(installation.settings) == 0
    assert not (installation.data_dir / "dagster_home").exists()


def switched_on(schedule):
    """A schedule as the UI switches it on."""
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="order_pipeline.definitions"))
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), schedule.name)
    data = ScheduleInstigatorData(schedule.cron_schedule)
    return InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data)
