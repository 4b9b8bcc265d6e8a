"""What is received is laid out for DuckDB where it lies; what is no text is kept apart."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa

from order_pipeline.channels.base import CommitGroup, RecordBatch
from order_pipeline.channels.payloads import Payloads
from order_pipeline.warehouse.raw.commit_buffer import CommitBuffer


def test_a_block_goes_to_the_lake_where_it_lies() -> None:
    payloads = Payloads([b"one", b"two"])
    payloads.extend([b"three", b"four"])
    batch = RecordBatch("orders", ["1", "2", "3", "4"], [date(2026, 1, 1)] * 4, payloads)
    buffer = CommitBuffer()
    buffer.add(CommitGroup([batch]), datetime.now(UTC))
    column = buffer.records("orders")["payload"]
    assert column.to_pylist() == ["one", "two", "three", "four"]
    assert [chunk.buffers()[2].address for chunk in column.chunks] == [
        pa.py_buffer(block).address for block, _ in payloads.blocks()
    ]
