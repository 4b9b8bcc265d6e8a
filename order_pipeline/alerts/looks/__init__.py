"""Looks: plain functions that return everything of their kinds that is wrong now. They change nothing."""
