"""Recorded exchanges in the formats of other tools: HAR, packet capture, NDJSON."""
