"""Fingerprints of whole worlds: does the pipeline still make the same rows after the code was changed?

A world is a fixed set of inputs. Its fingerprint is one hash a table, over every row, without what differs from run to
run. `recorded/<world>.json` holds the fingerprints that the code is to reproduce.

    python -m order_pipeline_tests.fingerprint demo --compare

`seams.py` is the only module here that imports the pipeline; it is what a moved or renamed module changes.
"""
