"""The warehouse for somebody else: copied into one file that needs nothing of ours to be read."""
