"""The lake: its connection, its transactions, the writers' lock, the extensions, the upkeep. Knows no table by name."""
