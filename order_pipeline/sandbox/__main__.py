"""`python -m order_pipeline.sandbox '{"orders": 600}'`: the child side of `SandboxProcess`."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

from .faults import parse_faults
from .server import SandboxServer, announce


def main() -> None:
    """Run the sandbox with the JSON arguments of the command line."""
    arguments = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    if "today" in arguments:
        arguments["today"] = date.fromisoformat(arguments["today"])
    if arguments.get("state_directory"):
        arguments["state_directory"] = Path(arguments["state_directory"])
    arguments["faults"] = parse_faults(arguments.get("faults", []))
    server = SandboxServer(**arguments)
    server.bind()
    announce(server)
    server.serve()


if __name__ == "__main__":
    main()
