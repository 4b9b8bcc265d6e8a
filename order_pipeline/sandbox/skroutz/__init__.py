"""The fake of Skroutz Smart Cart: its orders API, its order life and its webhooks."""
