"""The warehouse: the lake, the SQL project, raw and core. It calls no API and knows nothing of Dagster."""
