"""The last net: a chunk that fails for a reason nobody foresaw is halved until the records are found that make it fail.

What cannot be built goes to quarantine under the rule `unforeseen`, and the rest is built. Which errors halve:

- every error of the models, the checks and the writing of rows: a record may have caused it;
- want of memory as well: a smaller chunk needs less, and a record that dies alone is the one to name;
- not: the disk, the network, a cancelled or broken executor (no record causes those), a model whose rows break their
  contract, and an error that a chunk without any rows raises too (a defect of the SQL).

Many unforeseen records have one cause, which is the code's: then the build fails with the first error.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa

from order_pipeline.contracts import LONGEST_VALUE, ContractError
from order_pipeline.redaction.errors import described, without_repeated_input
from order_pipeline.warehouse.core.chunk import ChunkResult, ChunkTask
from order_pipeline.warehouse.core.raw_rows import Share
from order_pipeline.warehouse.core.stage import RecordOfChunk, records_of_chunk, stage_chunk

UNFORESEEN = "unforeseen"
"""The rule of records that no build could take."""

MOST_UNFORESEEN = 20
"""Unforeseen records of one build. To find one takes some twenty small stagings: so a build ends within minutes."""

_NOT_OF_A_RECORD = (
    ContractError,  # a model that puts rows where they do not belong
    OSError,
    duckdb.IOException,  # the disk is full, a file is gone; also what is read over HTTP
    duckdb.InterruptException,
    duckdb.ConnectionException,
    CancelledError,
    BrokenExecutor,
)


@dataclass(slots=True)
class LastNet:
    """Stages the chunks of one build, and finds the records that make them fail.

    Attributes:
        executor: stages the chunks.
        found: how many records were set aside.
        halvings: how many chunks were staged again as two halves.
    """

    executor: Executor
    found: int = 0
    halvings: int = 0
    _first_error: Exception | None = field(default=None, init=False)

    @property
    def is_used(self) -> bool:
        """Whether a chunk of this build failed."""
        return self._first_error is not None

    def search(self, task: ChunkTask, error: Exception) -> list[ChunkResult]:
        """Stage a chunk that failed, in halves.

        Args:
            task: the chunk.
            error: what staging it raised.

        Raises:
            Exception: `error`, where no record can have caused it or too many records do.
        """
        if not may_be_of_a_record(error):
            raise error
        self._first_error = self._first_error or error
        try:
            self._stage(
                replace(task, name=f"{task.name}-empty", raw=tuple(replace(rows, files=()) for rows in task.raw))
            )
        except Exception:  # noqa: BLE001 - whatever it is, no record caused it
            raise error from None
        return self._search(task, error)

    def _search(self, task: ChunkTask, error: Exception) -> list[ChunkResult]:
        records = records_of_chunk(task)
        if not records:
            raise error
        if len(records) == 1:
            return [self._set_aside(task, records[0], error)]
        self.halvings += 1
        return [result for half in _halves(task) for result in self._stage_or_search(half)]

    def _stage_or_search(self, task: ChunkTask) -> list[ChunkResult]:
        try:
            return [self._stage(task)]
        except Exception as error:
            if not may_be_of_a_record(error):
                raise
            return self._search(task, error)

    def _stage(self, task: ChunkTask) -> ChunkResult:
        return self.executor.submit(stage_chunk, task).result()

    def _set_aside(self, task: ChunkTask, record: RecordOfChunk, error: Exception) -> ChunkResult:
        """The result of a chunk of one record that cannot be built: a reject."""
        self.found += 1
        if self.found > MOST_UNFORESEEN and self._first_error:
            raise self._first_error
        reject = {
            "source": task.sql.source,
            "table_name": f"raw.{record.table}",
            "key": record.record_id,
            "rule": UNFORESEEN,
            "field": "record",
            "value": as_value(error),
            "order_id": None,
            "order_day": record.day,
            "raw_record_id": record.record_id,
            "raw_sha256": record.content_sha256,
        }
        columns = {"order_day": pa.date32()}
        schema = pa.schema([(name, columns.get(name, pa.string())) for name in reject])
        # Nobody knows what the record says, so its days count as open.
        return ChunkResult((), pa.Table.from_pylist([reject], schema), {}, (), frozenset(task.days))


def may_be_of_a_record(error: BaseException) -> bool:
    """Whether a record may have caused the error, or what the error was made from."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _NOT_OF_A_RECORD):
            return False
        cause = cause.__cause__
    return True


def as_value(error: Exception) -> str:
    """The error as a value of a row: one short line, which names a file without its directory."""
    return without_repeated_input(described(error))[:LONGEST_VALUE]


def _halves(task: ChunkTask) -> Iterator[ChunkTask]:
    """Two tasks for the task's rows. An order's records have one id, so they stay together."""
    share = task.share or Share(0, 1)
    for letter, number in (("a", share.number), ("b", share.number + share.count)):
        yield replace(task, name=f"{task.name}{letter}", share=Share(number, 2 * share.count))
