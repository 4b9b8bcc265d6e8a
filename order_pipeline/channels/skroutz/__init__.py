"""Skroutz Smart Cart: orders pushed by webhook, kept true by reading single orders again (docs/apis/skroutz.md)."""
