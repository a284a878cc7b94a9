"""Scenarios with InfluxDB servers as A and B: what a write costs, and an outage of B with a spool."""
