"""Partitions, jobs, schedules, sensors, freshness and alerts."""
