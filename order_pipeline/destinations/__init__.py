"""Clients of the systems that the pipeline writes to. Which line is sent, and when, is decided in `picking`."""
