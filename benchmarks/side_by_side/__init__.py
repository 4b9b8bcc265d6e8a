"""Our road beside its peers on the same fake, over real HTTP.

`parts` are measured one by one, `sections` keeps what each found, `page` shows it.
python -m benchmarks.side_by_side [--list] [--part NAME ...] [--results DIRECTORY]
"""
