"""The desk: a page of our own beside Dagster's, with the story of an order and all that waits for a person."""
