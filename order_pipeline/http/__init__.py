"""One transport for every API: authentication, retries, rate budgets, pagination, redaction, error classes.

It knows no channel by name, and neither DuckDB nor Dagster.
"""
