"""Replay with a difference: days built again from raw, and what would change, before anything does.

`staged_days` stages days as a build does, into a directory of its own. `replayed_lake` shows the lake as it would be
with them and with the project's views. `tables`, `rejects` and `picks` compare the two; `replay` brings it together.
Nothing here writes to the lake, to the operations store or to a channel.
"""
