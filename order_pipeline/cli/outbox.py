"""`order-pipeline outbox list|show|resolve`: every pick line's state, its history, and a person's word on a doubt."""

from __future__ import annotations
