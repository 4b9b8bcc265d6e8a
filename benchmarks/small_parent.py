"""Runs Python from a small process, and says what it took: Linux counts to a new process what its parent has in memory.

`python -m benchmarks.small_parent ARGUMENTS...` runs `python ARGUMENTS...`. Its last line is a JSON object, and it ends
as that process did.
"""

import json
import resource
import subprocess
import sys
import time


def main() -> int:
    started = time.perf_counter()
    ended = subprocess.run([sys.executable, *sys.argv[1:]], check=False).returncode
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = {
        "process_seconds": time.perf_counter() - started,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "peak_megabytes": usage.ru_maxrss / 1024,
    }
    print(json.dumps(taken), flush=True)
    return ended if ended >= 0 else 128 - ended


if __name__ == "__main__":
    raise SystemExit(main())
