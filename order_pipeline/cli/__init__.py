"""The command line: `order-pipeline ...`.

A command reads settings, calls one function of the packages beneath and prints. Belongs here: names of commands,
options, help texts, progress bars, output formats, exit codes. Does not belong here: anything that a test of the
pipeline would want to call without a terminal.

Exit codes: 0 done; 1 it failed, the reason and the next step are on stderr; 2 wrong usage, or not available.
Dagster, DuckDB and the fakes take seconds to import, so a command imports what it needs when it runs.
"""

from __future__ import annotations

from order_pipeline.cli.main import main

__all__ = ["main"]
