"""Side-by-side measurements: ours and the strongest peers, on the same fake, in the same run.

Nothing here is a test: no figure is asserted. Every figure is measured when the command runs; on shared machines quote
the ratios, not the seconds. `python -m benchmarks.side_by_side`
writes the page, `python -m benchmarks` runs the measurements of single parts, `--help` tells about each.
"""
