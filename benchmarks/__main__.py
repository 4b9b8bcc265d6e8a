"""Every measurement with its defaults, one after the other; one that fails does not stop the next."""

from __future__ import annotations

import subprocess
import sys

MEASUREMENTS = ("raw_writer", "kibo_road", "scansource_refresh", "webhooks", "emission_vs_drt")


def main() -> int:
    failed: list[str] = []
    for name in MEASUREMENTS:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}; their output is above", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
