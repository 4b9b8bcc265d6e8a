"""Dagster: assets, checks, jobs, partitions, schedules, sensors, alerts, the launcher and the resource."""
