"""The webhook receiver: keeps every event durably, interprets none.

It writes to the operations store's inbox and never touches the lake.
"""
