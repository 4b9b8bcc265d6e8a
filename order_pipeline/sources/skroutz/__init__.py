"""Skroutz Smart Cart: orders pushed by webhook, kept true by reading single orders again (apis/skroutz.md).

Belongs here: what Skroutz's contract says, about events, reads and actions. Does not belong here: the receiver
(`webhooks`), the inbox's table (`operations.inbox`), SQL, Dagster.
"""
