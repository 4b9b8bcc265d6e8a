"""A misspelt setting is an error that names the nearest one, wherever it stands."""

import pytest
from pydantic import ValidationError

from order_pipeline.settings import Settings, load_settings
from order_pipeline.settings_names import UnknownSettingError

MISSPELT = {
    "ORDER_PIPELINE_SCANORDERS__ALOWED_ORDER_NUMBERS": "ORDER_PIPELINE_SCANORDERS__ALLOWED_ORDER_NUMBERS",
    "ORDER_PIPELINE_SCANORDERS_SEND": "ORDER_PIPELINE_SCANORDERS__SEND",
    "ORDER_PIPELINE_DATADIR": "ORDER_PIPELINE_DATA_DIR",
    "ORDER_PIPELINE_KIBO__RATE__REQUEST_PER_SECOND": "ORDER_PIPELINE_KIBO__RATE__REQUESTS_PER_SECOND",
    "ORDER_PIPELINE_PICKING__KIBBO": "ORDER_PIPELINE_PICKING__KIBO",
    "order_pipeline_skroutz__tokn": "ORDER_PIPELINE_SKROUTZ__TOKEN",
}


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "meant"), MISSPELT.items())
def test_a_misspelt_name_in_the_environment_is_refused_with_the_nearest(monkeypatch, name, meant):
    monkeypatch.setenv(name, "1")
    with pytest.raises(UnknownSettingError, match=f"{name.upper()} is no setting; did you mean {meant}"):
        load_settings()


@pytest.mark.parametrize(("name", "meant"), MISSPELT.items())
def test_a_misspelt_name_in_the_env_file_is_refused_with_the_nearest(tmp_path, name, meant):
    (tmp_path / ".env").write_text(f"OTHER=1\n{name}=1\n", encoding="utf-8")
    with pytest.raises(UnknownSettingError, match=f"did you mean {meant}"):
        load_settings()


def test_every_misspelt_name_is_told_at_once_and_no_value(monkeypatch):
    monkeypatch.setenv("ORDER_PIPELINE_KIBO__API_SECRETT", "hidden")
    monkeypatch.setenv("ORDER_PIPELINE_XYZZY", "hidden")
    with pytest.raises(UnknownSettingError) as refused:
        load_settings()
    assert "API_SECRETT is no setting; did you mean" in str(refused.value)
    assert "XYZZY is no setting" in str(refused.value)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("group", "value"),
    [("LAKE", '{"catalgo": "x"}'), ("KIBO", '{"rate": {"per_second": 1}}'), ("PICKING", '{"kibbo": false}')],
)
def test_a_misspelt_field_of_a_group_that_is_given_as_json_is_refused(monkeypatch, group, value):
    monkeypatch.setenv(f"ORDER_PIPELINE_{group}", value)
    with pytest.raises(ValidationError):
        load_settings()


def test_names_that_are_known_are_read_in_any_case(monkeypatch):
    monkeypatch.setenv("order_pipeline_picking__kibo", "false")
    monkeypatch.setenv("ORDER_PIPELINE_SCANSOURCE__PATHS__ORDERS", "/elsewhere")
    monkeypatch.setenv("ORDER_PIPELINE_LAKE", '{"threads": 2}')
    monkeypatch.setenv("ORDER_PIPELINE_LAKE__KEEP_DAYS", "5")
    monkeypatch.setenv("ORDER_PIPELINE_TRACEBACK", "1")
    settings = load_settings()
    assert "kibo" not in settings.picked_channels()
    assert (settings.lake.threads, settings.lake.keep_days) == (2, 5)


def test_every_setting_that_the_example_file_names_is_known(monkeypatch, request):
    example = request.config.rootpath / ".env.example"
    for line in example.read_text(encoding="utf-8").splitlines():
        name = line.removeprefix("# ").partition("=")[0]
        if name.startswith("ORDER_PIPELINE_"):
            with monkeypatch.context() as context:
                context.setenv(name, "x")
                try:
                    load_settings()
                except UnknownSettingError as error:
                    pytest.fail(str(error))
                except ValueError:
                    continue
    assert Settings().lake.threads == 1
