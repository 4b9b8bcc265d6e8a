"""Skroutz Smart Cart: orders pushed by webhook, kept true by reading single orders again (apis/skroutz.md).

Belongs here: what Skroutz's contract says, about events, reads and actions. Does not belong here: the receiver
(`webhooks`), the inbox's table (`operations.inbox`), SQL, Dagster.
"""

from order_pipeline.channels.skroutz.code_list import CodeListError, codes_in_file
from order_pipeline.channels.skroutz.inbox_extraction import InboxExtraction
from order_pipeline.channels.skroutz.reread import Reconciliation, RereadExtraction

__all__ = ["CodeListError", "InboxExtraction", "Reconciliation", "RereadExtraction", "codes_in_file"]
