"""One module or folder per channel: its endpoints, its paging, its extraction plan. Yields bytes.

Belongs here: what a channel's API contract says. Does not belong here: Dagster, DuckDB, the common schema.
"""
