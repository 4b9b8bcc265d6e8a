"""Recovery: do the stores belong together, backup, restore, and what may be on the floor without anybody knowing."""
