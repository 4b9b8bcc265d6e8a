"""Peers, set up as strongly as we know how; what they are given is what ours is given."""
