"""`order-pipeline sql` at a terminal: DuckDB's own shell, which reads the lake and nothing beside it."""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from order_pipeline_tests.shared_demo import PROJECT

WHAT_ARE_YOU, A_TERMINAL = b"\x1b[c", b"\x1b[?62;c"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
PROMPT = "lake D "
LONG_QUERY = "select sum(a.range * b.range) from range(10000000) a, range(1000000) b;"
LONGEST_WAIT = 60.0


@dataclass
class Terminal:
    """A terminal of 80 columns with the shell in it."""

    process: int
    descriptor: int
    shown: str = field(default="", init=False)
    _came: bytes = field(default=b"", init=False)

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def wait_for(self, text: str, press: str = "") -> str:
        """What was shown since the last call, up to the text; `press` is typed whenever nothing comes for a while."""
        deadline = time.monotonic() + LONGEST_WAIT
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} did not come, but {self.shown!r}"
            if not select.select([self.descriptor], [], [], 0.5)[0]:
                self.type(press)
                continue
            came = os.read(self.descriptor, 65536)
            if WHAT_ARE_YOU in came:
                os.write(self.descriptor, A_TERMINAL)
            self._came += came
            self.shown = ESCAPES.sub("", self._came.decode(errors="replace"))
        before, _, rest = self.shown.partition(text)
        self.shown, self._came = rest, rest.encode()
        return before

    def run(self, statement: str, answer: str) -> str:
        """Type a statement, and what came from its answer on up to the next prompt."""
        self.type(f"{statement}\r")
        self.wait_for(answer)
        return answer + self.wait_for(PROMPT)


@pytest.fixture(scope="module")
def terminal(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    home = tmp_path_factory.mktemp("home")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORDER_PIPELINE_")}
    environment |= {
        "ORDER_PIPELINE_DATA_DIR": str(demo),
        "PYTHONPATH": str(PROJECT),
        "HOME": str(home),
        "TERM": "xterm",
    }
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(PROJECT)
        os.execve(sys.executable, [sys.executable, "-m", "order_pipeline", "sql"], environment)
    ioctl(descriptor, TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    opened = Terminal(process, descriptor)
    opened.wait_for("what there is")
    opened.wait_for(PROMPT)
    opened.run("select 'kept in ' || 'the history' as a;", "kept in the history")
    yield opened
    opened.type(".exit\r")
    _, status = os.waitpid(process, 0)
    os.close(descriptor)
    assert os.waitstatus_to_exitcode(status) in {0, 1}, "DuckDB's own: 1 after a statement that failed"
    history = demo / "sql_history"
    assert "select 'kept in '" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0, "questions may name persons"


@pytest.mark.costly
def test_it_answers(terminal: Terminal) -> None:
    assert "rows" not in terminal.run("select 1;", "1 │")


def test_ctrl_c_cancels_the_query_and_keeps_the_shell(terminal: Terminal) -> None:
    terminal.type(f"{LONG_QUERY}\r")
    terminal.wait_for("range(1000000) b;")
    # A Ctrl-C between the reading of a statement and its run may be lost: a person presses again.
    terminal.type("\x03")
    terminal.wait_for(PROMPT, press="\x03")
    assert "still here" in terminal.run("select 'still ' || 'here' as a;", "still here")


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("create table core.x (i int);", "read-only mode"),
        ("delete from core.orders;", "read-only mode"),
        ("update ops.pick_outbox set state = 'sent';", "base table"),
        ("copy (select 1) to 'out.csv';", "disabled by configuration"),
        ("from read_text('/etc/hostname');", "disabled by configuration"),
        ("set enable_external_access = true;", "locked"),
        (".shell ls", "-safe mode"),
        (".output out.txt", "-safe mode"),
    ],
)
def test_writes_and_files_are_refused(terminal: Terminal, statement: str, refusal: str) -> None:
    terminal.run(statement, refusal)


def test_tables_and_columns_are_told_within_eighty_columns(terminal: Terminal) -> None:
    shown = terminal.run("from tables() where \"table\" like 'core.%';", "┌")
    assert "core.orders" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "Channel the row came from" in terminal.run("from about('core.orders') limit 3;", "Channel the row")


def test_a_table_s_name_is_completed(terminal: Terminal) -> None:
    terminal.type("from core.order_li\t")
    terminal.wait_for("order_lines")
    terminal.type("\x15\r")
