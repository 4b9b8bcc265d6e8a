"""What to pick, the outbox and the emitter: the only code that may send a pick to ScanOrders."""
