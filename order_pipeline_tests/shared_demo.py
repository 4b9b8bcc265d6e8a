"""One small demo, run for real once, and how to call commands on it: for the tests of `cli`, `ui` and `assets`.

Both processes of pytest-xdist share the one demo.
"""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from order_pipeline.cli.main import main

PROJECT = Path(__file__).resolve().parents[1]
SMALL = ("--days", "2", "--orders", "12", "--today", "2026-01-15")
ODD_NAME = "a %20?x#y [z]*{q,r} =%s'\";&é"
"""What means something in a URL, a glob, SQL or a shell: every command of the shared demo runs in such a directory."""


@dataclass(frozen=True)
class Done:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def run_process(data_dir: Path, *arguments: str) -> Done:
    """`order-pipeline ...` in a process of its own, with no settings but the data directory."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDER_PIPELINE_")}
    done = subprocess.run(
        [sys.executable, "-m", "order_pipeline", *arguments],
        cwd=PROJECT,
        env={**inherited, "ORDER_PIPELINE_DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run_command(data_dir: Path, *arguments: str, **environment: str) -> Done:
    """The same through the entry point in this process: the interpreter's start is most of a command's time."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("ORDER_PIPELINE_")]:
            patch.delenv(name)
        for name, value in {"ORDER_PIPELINE_DATA_DIR": str(data_dir), **environment}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["order-pipeline", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    return Done(code, out.getvalue(), err.getvalue())


def make_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a demo that has run once; its output is beside it in `first_run.txt`."""
    shared = tmp_path_factory.getbasetemp().parent if os.environ.get("PYTEST_XDIST_WORKER") else None
    root = (shared or tmp_path_factory.mktemp("demo")) / f"shared_demo {ODD_NAME}"
    root.mkdir(exist_ok=True)
    data_dir = root / "data"
    with FileLock(root / "lock"):
        if not (root / "first_run.txt").exists():
            done = run_process(data_dir, "demo", *SMALL)
            assert done.returncode == 0, done.stdout + done.stderr
            (root / "first_run.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return data_dir
