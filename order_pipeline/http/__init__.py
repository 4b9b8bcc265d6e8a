"""One transport for every API: authentication, retries, rate budgets, pagination, redaction, error classes.

Belongs here: what any HTTP API needs. Does not belong here: anything that knows a channel by name, DuckDB or Dagster.
"""
