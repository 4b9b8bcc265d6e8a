"""Our road beside its peers on the same fake, over real HTTP: `workloads` for `tools`, written down by `results`.

python -m benchmarks.side_by_side [--workload NAME ...] [--runs 5] [--results DIRECTORY]
"""
