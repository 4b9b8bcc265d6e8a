"""Raw: what was received, byte for byte, once per distinct content, with a report for every window that was read."""
