"""What operators do with the outbox: look at it, preview an emission, resolve a doubt, close a task."""
