"""The common order schema as pandera models: the one truth behind the DDL, Dagster's column schema and the checks."""
