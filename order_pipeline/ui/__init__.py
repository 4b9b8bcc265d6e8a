"""The Dagster UI behind its doors: who reaches it, who may change something through it (docs/security.md)."""
