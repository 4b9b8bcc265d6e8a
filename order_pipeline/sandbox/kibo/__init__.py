"""The fake of Kibo's order search."""
