"""The schemas of the lake, each with what stands in it. DuckLake keeps no comment of a schema; the dictionary does."""

from __future__ import annotations

SCHEMAS = {
    "raw": "Records as the channels sent them: bytes, only ever added, one row a distinct content.",
    "staging": "Views that give the records of one channel typed columns. Nothing is stored.",
    "intermediate": "Views between staging and core that join or reshape the records of one channel.",
    "core": "The common order schema: every channel's orders in the same checked tables, rebuilt from raw by day.",
    "quarantine": "Rows that broke a rule, and counts of what is worth a look.",
    "reference": "What people keep: where items lie, what status texts mean; and what the pipeline notes of the lake.",
    "marts": "Views that answer questions: what to pick, what is held and why, what was sold. Nothing is stored.",
}
OPERATIONS = "ops"
"""The operations store, as `order-pipeline sql` attaches it."""
OPERATIONS_SENTENCE = "The operations store, read-only: what must be durable one row at a time (inbox, outbox, leases)."
