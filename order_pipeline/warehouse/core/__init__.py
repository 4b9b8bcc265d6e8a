"""Core: the common order schema, built from raw: plan, stage, check, publish; rejects go to quarantine."""
