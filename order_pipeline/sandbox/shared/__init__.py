"""What fakes share: the channel interface, clock, faults, control routes, OAuth, made-up people and products."""
