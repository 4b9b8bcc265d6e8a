"""Thin Dagster wiring. A body is about fifteen lines; the logic lives in the packages beneath."""
