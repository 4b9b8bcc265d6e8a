"""Faithful, strict, stateful fakes of all four APIs on loopback, with seeded data and scripted faults.

Imports nothing of the pipeline: a fake that shared code with its client could not catch the client's mistakes.
"""
