"""The proof that nothing is sent twice or lost: real processes, killed for real, against the fake over HTTP."""
