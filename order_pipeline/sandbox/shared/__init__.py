"""What all fakes share: the server, the clock, fault injection, control routes, OAuth, made-up people and products."""
