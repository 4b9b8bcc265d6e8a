"""The sales channels, one folder each, and the registry that names them. A channel yields bytes.

Belongs here: what a channel's API contract says. Does not belong here: Dagster, DuckDB, the common schema.
"""
