"""`python -m order_pipeline.sandbox '{"orders": 600}'`: the child side of `SandboxProcess`.

With `"ends_with_input": true` it stops when its standard input ends, as it does when whoever holds the other end dies.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import date
from pathlib import Path
from threading import Thread

from order_pipeline.sandbox.server import SandboxServer, announce
from order_pipeline.sandbox.shared.faults import parse_faults


def main() -> None:
    """Run the sandbox with the JSON arguments of the command line."""
    arguments = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    if "today" in arguments:
        arguments["today"] = date.fromisoformat(arguments["today"])
    if arguments.get("state_directory"):
        arguments["state_directory"] = Path(arguments["state_directory"])
    arguments["faults"] = parse_faults(arguments.get("faults", []))
    ends_with_input = arguments.pop("ends_with_input", False)
    server = SandboxServer(**arguments)
    server.bind()
    announce(server)
    if ends_with_input:
        Thread(target=_stop_at_end_of_input, daemon=True).start()
    server.serve()


def _stop_at_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 1):  # unbuffered: a thread in a buffered read would not let the process end
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
