"""What happened to one order, from the bytes received to the floor, and what waits for a person (`trace`, the UI)."""
