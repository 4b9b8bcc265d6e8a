"""Chunks staged by a cluster: the workers of a dask scheduler, as an executor (docs/cluster.md).

Before the first chunk goes out every worker is asked what it runs and what it sees. Afterwards the scheduler repeats
what a worker lost. An error that a record may have caused comes back as an answer: no worker repeats it, and none
writes it into its log, for it may repeat what stands in the record.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from order_pipeline.settings import Settings
from order_pipeline.warehouse.core.last_net import may_be_of_a_record
from order_pipeline.warehouse.core.worker_machine import Machine, describe_machine, differences

if TYPE_CHECKING:
    from distributed import Client

_LOG = logging.getLogger(__name__)

CONNECT_SECONDS = 10
"""Longest wait for a scheduler, also for one that went away."""
WORKERS_SECONDS = 60
"""So long a cluster may be without any worker."""
LOOK_SECONDS = 5
RETRIES = 3
"""So often a chunk is staged again that met an error of the network or a disk."""


class ClusterError(ConnectionError):
    """The cluster cannot be used; of no record and of no day. Nothing was published."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(f"{message} | next: {next_step}")
        self.next_step = next_step


class WorkersEndedError(RuntimeError):
    """A chunk was on several workers, one after another, when they ended: too little memory, or a record did it."""

    next_step = (
        "The workers' own logs say why they ended; mostly their memory is too small. Give each thread of a worker "
        "ORDER_PIPELINE_LAKE__BUILD_MEMORY_LIMIT and 300 MB more, or lower ORDER_PIPELINE_LAKE__BUILD_CHUNK_BYTES."
    )

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} | next: {self.next_step}")


@contextmanager
def cluster_executor(settings: Settings, data_path: str) -> Generator[Executor]:
    """The workers of the settings' scheduler as an executor, for the block.

    Args:
        settings: `cluster` and `cluster_tls`.
        data_path: the lake's; a directory must be one that all workers share.

    Raises:
        ClusterError: nobody answers, there are no workers, or they are not fit to stage.
    """
    client = _connected(settings)
    try:
        workers = _fit_workers(client, settings.cluster, data_path)
        _LOG.info("Chunks are staged by %s workers of %s.", workers, settings.cluster)
        executor = _ClusterExecutor(client, settings.cluster)
        with executor.watched():
            yield executor
    finally:
        client.close(timeout=CONNECT_SECONDS)


def _connected(settings: Settings) -> Client:
    try:
        from distributed import Client  # noqa: PLC0415 - an extra, and takes a second to import
        from distributed.security import Security  # noqa: PLC0415
    except ImportError as error:
        raise ClusterError(
            f"ORDER_PIPELINE_CLUSTER is set, and the package distributed is not installed ({error.name} is missing).",
            "Install the extra `scale`: pip install 'order-pipeline[scale]'.",
        ) from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it would say of a lost scheduler, we say
    tls = settings.cluster_tls
    security = Security(
        tls_ca_file=str(tls.ca_file),
        tls_client_cert=str(tls.cert_file),
        tls_client_key=str(tls.key_file),
        require_encryption=True,
    )
    try:
        return Client(
            settings.cluster,
            timeout=CONNECT_SECONDS,
            security=security if tls.is_given else None,
            set_as_default=False,
            name="order-pipeline",
        )
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise ClusterError(
            f"The scheduler at {settings.cluster} did not answer in {CONNECT_SECONDS} s: {_line(error)}",
            "Start it (`dask scheduler`), or mend ORDER_PIPELINE_CLUSTER and the files of "
            "ORDER_PIPELINE_CLUSTER_TLS__...; without ORDER_PIPELINE_CLUSTER threads of this process stage the chunks.",
        ) from None


def _fit_workers(client: Client, address: str, data_path: str) -> int:
    """How many workers there are; each runs what we run, and sees the data path."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
        with nullcontext("") if "://" in data_path else _marker(Path(data_path)) as marker:
            found = cast("dict[str, Any]", client.run(describe_machine, marker, on_error="return"))
    except (OSError, TimeoutError, CancelledError) as error:
        raise ClusterError(
            f"The scheduler at {address} had no worker that answered within {WORKERS_SECONDS} s: {_line(error)}",
            f"Start some: dask worker {address}",
        ) from None
    ours = describe_machine("")
    for worker, machine in found.items():
        if not isinstance(machine, Machine):
            raise ClusterError(
                f"The worker {worker} cannot run this program: {_line(machine)}",
                "Install the same version of order-pipeline on every machine of the cluster, from the same lock file.",
            )
        if unlike := differences(ours, machine):
            raise ClusterError(
                f"The worker {worker} runs other versions than this process: {unlike}.",
                "Install the same version of order-pipeline on every machine of the cluster, from the same lock file.",
            )
        if not machine.sees_marker:
            raise ClusterError(
                f"The worker {worker} does not see the lake's files in {data_path}.",
                "Set ORDER_PIPELINE_LAKE__DATA_PATH to an object store (s3://...) or to a directory that all machines "
                "share under the same path.",
            )
    return len(found)


@contextmanager
def _marker(directory: Path) -> Generator[str]:
    """A file of that name lies in the directory for the block."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f".seen-by-workers-{uuid.uuid4().hex}"
    file.touch()
    try:
        yield str(file)
    finally:
        file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a function returned, or what it raised because of a record."""

    value: Any
    error: Exception | None = None


def answer(function: Callable[..., Any], *arguments: Any, **named: Any) -> _Answer:
    """Run the function on a worker. What it raises for other reasons than a record is raised, and tried again."""
    try:
        return _Answer(function(*arguments, **named))
    except Exception as error:
        if not may_be_of_a_record(error):
            raise
        return _Answer(None, error)


class _ClusterExecutor(Executor):
    """The cluster's executor, with errors in words for people.

    A future of it cannot be cancelled: a worker that has begun cannot be called back, and nobody could wait until it
    has ended to write.
    """

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address
        self._workers = client.get_executor(pure=False, retries=RETRIES)
        self._pending = set[Future[Any]]()
        self._ended = threading.Event()

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        told: Future[Any] = Future()
        told.set_running_or_notify_cancel()
        self._pending.add(told)
        self._workers.submit(answer, fn, *arguments, **named).add_done_callback(lambda done: self._tell(done, told))
        return told

    @contextmanager
    def watched(self) -> Generator[None]:
        """For the block: what waits is given up when the cluster has been without workers for too long."""
        watch = threading.Thread(target=self._watch, name="watch the cluster's workers", daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._ended.set()
            watch.join()

    def _tell(self, done: Future[_Answer], told: Future[Any]) -> None:
        try:
            found = done.result()
        except (Exception, CancelledError) as error:  # noqa: BLE001 - handed on
            self._settle(told, error=self._in_words(error))
        else:
            self._settle(told, found.value, found.error)

    def _settle(self, told: Future[Any], value: Any = None, error: BaseException | None = None) -> None:
        """The first word counts: what was given up may still end."""
        try:
            self._pending.remove(told)
        except KeyError:
            return
        if error is None:
            told.set_result(value)
        else:
            told.set_exception(error)

    def _in_words(self, error: BaseException) -> BaseException:
        from distributed.comm.core import CommClosedError  # noqa: PLC0415 - see `_connected`
        from distributed.scheduler import KilledWorker  # noqa: PLC0415

        if isinstance(error, KilledWorker):
            return WorkersEndedError(
                f"A chunk ended {error.allowed_failures + 1} workers of {self._address}, one after another, the last"
                f" one at {error.last_worker.address}. Nothing of it was published."
            )
        if isinstance(error, (CancelledError, CommClosedError)):
            return ClusterError(
                f"The connection to the scheduler at {self._address} was lost. Nothing of these days was published.",
                "Start the scheduler and its workers again, then run this again: what was published stays.",
            )
        return error

    def _watch(self) -> None:
        last_seen = time.monotonic()
        while not self._ended.wait(LOOK_SECONDS):
            has_workers = True  # a scheduler that is lost ends every future by itself
            with suppress(Exception):
                has_workers = bool(self._client.nthreads())
            now = time.monotonic()
            last_seen = now if has_workers or not self._pending else last_seen
            if now - last_seen > WORKERS_SECONDS:
                gone = ClusterError(
                    f"The cluster at {self._address} has had no workers for {WORKERS_SECONDS} s. Nothing of these days"
                    " was published.",
                    f"Start some (dask worker {self._address}), and see in the logs of the others why they ended.",
                )
                for told in list(self._pending):
                    self._settle(told, error=gone)


def _line(error: object) -> str:
    """The first line of an error, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
