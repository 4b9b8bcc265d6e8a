"""schemathesis reads the receiver's own document and finds nothing: what is documented is what happens."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from order_pipeline.operations import inbox
from order_pipeline.operations.store import OperationsStore
from order_pipeline.webhooks.openapi import openapi_document
from order_pipeline_tests.webhooks.conftest import TOKEN, run_receiver

schema = schemathesis.openapi.from_dict(openapi_document())
examples = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    store = OperationsStore(f"sqlite:///{tmp_path_factory.mktemp('inbox') / 'operations.sqlite'}")
    with run_receiver(store, max_body_bytes=2000) as receiver:
        yield receiver


@pytest.mark.costly
@schema.parametrize()
@examples
def test_any_call_is_answered_as_documented(case, running):
    case.call_and_validate(base_url=running.base_url)


@pytest.mark.costly
@schema.include(method="POST").parametrize()
@examples
def test_any_event_with_the_right_token_is_answered_as_documented(case, running):
    case.path_parameters = {"token": TOKEN}
    answer = case.call_and_validate(base_url=running.base_url)
    if answer.status_code == 200:
        assert inbox.counts(running.store, "skroutz").pending > 0


def test_what_is_served_is_the_document_and_has_no_token(running):
    served = running.client.get("/openapi.json")
    assert served.json() == openapi_document()
    assert TOKEN not in served.text
