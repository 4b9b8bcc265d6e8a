"""Personal data of one person: where it stands, and how it leaves for good."""
