"""The operations store: what must be durable one row at a time (webhook inbox, picking outbox, leases)."""
