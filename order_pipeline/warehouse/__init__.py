"""The lake: connection, transaction, raw writer, SQL models, core build, partition replace, upkeep.

Belongs here: everything that reads or writes DuckLake. Does not belong here: HTTP, Dagster, the outbox.
"""
