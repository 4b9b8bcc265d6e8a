"""Reconciliation: do raw, core, the list of picks, the outbox, its copy in the lake and the floor tell the same?"""
