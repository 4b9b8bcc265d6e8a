"""Side-by-side measurements: ours and the strongest peers, on the same fake, in the same run.

Nothing here is a test: no figure is asserted. Every figure is measured when the command runs; on shared machines quote
the ratios, not the seconds. `python -m benchmarks` runs all, `python -m benchmarks.NAME --help` tells about one.
"""
