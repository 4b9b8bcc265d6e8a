"""The command line: `order-pipeline ...`. A command reads settings, calls the packages beneath and prints.

Exit codes: 0 done; 1 it failed, the reason and the next step are on stderr; 2 wrong usage, or not available.
"""

from __future__ import annotations

from order_pipeline.cli.main import main

__all__ = ["main"]
