"""Operators: what people do with the outbox: look, resolve a doubt, close a task."""
