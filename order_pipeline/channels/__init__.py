"""The sales channels, one folder each. A channel yields bytes; it knows neither Dagster, DuckDB nor the common schema.

The rest of the code asks `registry` for a channel and never names one.
"""
