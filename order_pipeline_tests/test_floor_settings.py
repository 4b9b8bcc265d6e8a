"""Floors as a person sets them: by name, each with what differs, and every wrong name an error with the nearest one."""

import pytest
from pydantic import ValidationError

from order_pipeline.orchestration.resource import project_for
from order_pipeline.settings import load_settings
from order_pipeline.settings_names import UnknownSettingError

NORTH = {"FLOORS__NORTH__CLIENT_ID": "id", "FLOORS__NORTH__CLIENT_SECRET": "hidden"}
PLACES = {"KIBO__LOCATIONS": '{"110452": "main", "110453": "North"}'}


@pytest.fixture
def load(tmp_path, monkeypatch):
    """The settings of an environment that has these variables."""
    monkeypatch.chdir(tmp_path)

    def of(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"ORDER_PIPELINE_{name}", value)
        return load_settings()

    return of


def test_one_floor_needs_no_word_about_floors(load):
    settings = load(KIBO__LOCATIONS='["110452"]', SCANORDERS__CLIENT_ID="id")
    assert (list(settings.floor_settings), settings.floors_in_use()) == (["main"], ["main"])
    assert settings.kibo.floors_by_location() == {"110452": "main"}


def test_a_floor_is_set_like_the_first_and_has_what_it_does_not_say_from_there(load):
    settings = load(
        **NORTH,
        **PLACES,
        SCANORDERS__CLIENT_ID="first",
        SCANORDERS__CLIENT_SECRET="hidden",
        SCANORDERS__ACCESS_TOKEN="of-main-alone",
        SCANORDERS__SEND="true",
        SCANORDERS__RATE__MAX_IN_FLIGHT="3",
        FLOORS__NORTH__ALLOWED_ORDER_NUMBERS='["7"]',
    )
    north = settings.floor_settings["north"]
    assert (north.client_id, north.send, north.rate.max_in_flight) == ("id", True, 3)
    assert (north.allowed_order_numbers, settings.scanorders.allowed_order_numbers) == (["7"], None)
    assert north.access_token is None, "a token opens one account"
    assert settings.kibo.floors_by_location() == {"110452": "main", "110453": "north"}
    assert settings.floors_in_use() == ["main", "north"]


def test_a_channel_without_locations_has_a_floor_as_a_whole(load):
    settings = load(**NORTH, SCANSOURCE__FLOOR="north", KIBO__LOCATIONS='["1"]', KIBO__FLOOR="north")
    assert settings.kibo.floors_by_location() == {"1": "north"}
    assert project_for(settings).variables["channel_floors"]["scansource"] == "north"


WRONG = [
    ({"KIBO__LOCATIONS": '{"1": "nroth"}'}, "location '1': no setting makes a floor nroth; did you mean north"),
    ({"KIBO__FLOOR": "nroth", **PLACES}, "kibo, FLOOR: no setting makes a floor nroth; did you mean north"),
    ({"FLOORS__NROTH__SEND": "false", **PLACES}, "by the floor nroth .*; did you mean north"),
    ({"FLOORS__MAIN__SEND": "true", **PLACES}, "set by ORDER_PIPELINE_SCANORDERS__"),
    ({}, "no location is picked by the floor north"),
    ({"FLOORS__SOUTH__CLIENT_ID": "id", "SKROUTZ__FLOOR": "south"}, "client_id and client_secret belong together"),
    ({"KIBO__LOCATIONS": '{"1": "no rth"}'}, "'no rth' is no name of a floor"),
]


@pytest.mark.parametrize(("variables", "told"), WRONG)
def test_a_floor_that_does_not_fit_is_refused_with_the_nearest_name(load, variables, told):
    with pytest.raises(ValidationError, match=told) as refused:
        load(**NORTH, **variables)
    assert "hidden" not in "".join(each["msg"] for each in refused.value.errors())


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("FLOORS__NORTH__CLIENT_IDD", "FLOORS__NORTH__CLIENT_ID"),
        ("FLOORS__NORTH__SENDS", "FLOORS__NORTH__SEND"),
        ("KIBO__LOCATIONS__110453", "KIBO__LOCATIONS"),
    ],
)
def test_a_misspelt_setting_of_a_floor_is_refused_with_the_nearest(load, name, meant):
    with pytest.raises(UnknownSettingError, match=f"{name} is no setting; did you mean ORDER_PIPELINE_{meant}"):
        load(**NORTH, **PLACES, **{name: "x"})
