"""A simulated day of the whole installation: hours, faults, kills, and the account at the end.

The processes are real: the fakes, the webhook receiver, and a daemon that runs Dagster's own scheduler, sensors, queue,
retries and monitoring over this project's definitions. Only the clock is not: it stands still between steps.
"""
