"""Sending: the emitter, what an answer makes of its line, and the read-back of what the floor has."""
