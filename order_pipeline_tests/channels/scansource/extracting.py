"""An extraction against the fake: run it, see what it asked, and let the fake fail."""

from order_pipeline.channels.scansource.extraction import build_extraction
from order_pipeline.sandbox.shared.faults import parse_faults
from order_pipeline_tests.channels.scansource.raw_store import RawStore


async def extract(settings, window, store=None, at_most=None):
    store = store or RawStore()
    return await store.commit_all(build_extraction(settings)(window, store), at_most)


def detail_calls(distributor):
    """Numbers of the orders whose detail was asked for, in order."""
    recent = distributor.calls["scansource"].recent
    return [call.query.split("salesOrderNumber=")[1] for call in recent if call.path.endswith("/salesorder/v1/detail")]


def fail(distributor, **fault):
    distributor.faults.add(*parse_faults([{"api": "scansource", **fault}]))
