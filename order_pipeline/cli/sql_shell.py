"""DuckDB's own shell on the lake: what is attached is for reading, and the files of this machine are out of reach."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import duckdb

from order_pipeline.cli.output import fail, note
from order_pipeline.redaction.secrets import passwords_in
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.catalog import Catalog
from order_pipeline.warehouse.lake.init_file import init_text
from order_pipeline.warehouse.lake.literals import quoted
from order_pipeline.warehouse.lake.object_store import environment_of_key
from order_pipeline.warehouse.lake.snapshot_point import SnapshotPoint
from order_pipeline.warehouse.sql.descriptions import description_statements

HISTORY = "sql_history"
"""In the data directory: what somebody asked for may name a person, so it is kept and erased with the other texts."""
_WELCOME = """\
DuckDB on the lake, for reading.
  from tables();               what there is
  from about('core.orders');   what the columns mean
  .mode line                   wide rows, a column a line
Ctrl-C cancels a query, .exit leaves."""


def open_shell(settings: Settings, at: SnapshotPoint | None) -> int:
    """Run the shell until the person leaves it.

    Args:
        settings: that name the stores.
        at: the lake as it was then.

    Returns:
        The shell's exit code.

    Raises:
        LakeError: the operations store's server cannot be reached.
    """
    binary = shell_binary()
    note(_WELCOME if at is None else f"{_WELCOME}\nThe lake is as of {at}, ops is of now.")
    with tempfile.TemporaryDirectory(prefix="order-pipeline-sql-") as directory:
        file = Path(directory) / "init.sql"
        file.write_text(shell_init(settings, at, Path(directory)), encoding="utf-8")
        # The terminal sends Ctrl-C to both: the shell cancels its query, and this process waits on. A handler and not
        # SIG_IGN, which the shell would inherit.
        before = signal.signal(signal.SIGINT, _wait_on)
        try:
            done = subprocess.run([binary, "-init", str(file)], env=_environment(settings), check=False)  # noqa: S603
            return done.returncode
        finally:
            signal.signal(signal.SIGINT, before)


def shell_init(settings: Settings, at: SnapshotPoint | None, spill: Path) -> str:
    """What the shell runs before its first prompt.

    Args:
        settings: that name the stores.
        at: the lake as it was then.
        spill: where rows wait that memory has no room for; its owner removes it.
    """
    described = "".join(f"{statement};\n" for statement in description_statements())
    data_path = quoted(Catalog.named_by(settings).data_path)
    return (
        ".startup_text none\n"
        f"{init_text(settings, at=at, spill=spill)}{described}"
        f"SET GLOBAL allowed_directories = [{data_path}];\n"
        ".safe_mode\n"  # no file, no network, no further setting, and no command of the shell that starts something
    )


def shell_binary() -> str:
    """The program of the wheel `duckdb-cli`, else the one on the PATH.

    Not the wheel's own `duckdb` script: that one ends the shell at the first Ctrl-C.
    """
    spec = find_spec("duckdb_cli")
    binary = Path(spec.origin).with_name("duckdb") if spec and spec.origin else None
    found = str(binary) if binary and binary.exists() else shutil.which("duckdb")
    if found is None:
        wheel = f"duckdb-cli=={duckdb.__version__}"
        fail("DuckDB's shell is not installed.", f"Install {wheel} (`make install`); a query and --file need no shell.")
    return found


def _environment(settings: Settings) -> dict[str, str]:
    addresses = (settings.lake.catalog or "", settings.resolved_operations_url)
    passwords = {password for address in addresses for password in list(passwords_in(address))[-1:]}
    if len(passwords) > 1:
        fail("The lake and the operations store have different passwords.", "Give them in ~/.pgpass for the shell.")
    history = {"DUCKDB_HISTORY": str(settings.data_dir.resolve() / HISTORY)}
    of_server = {"PGPASSWORD": passwords.pop()} if passwords else {}
    return {**os.environ, **history, **of_server, **environment_of_key(settings.s3)}


def _wait_on(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing."""
