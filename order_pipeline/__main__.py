"""`python -m order_pipeline` is `order-pipeline`."""

from __future__ import annotations

from order_pipeline.cli import main

if __name__ == "__main__":
    main()
