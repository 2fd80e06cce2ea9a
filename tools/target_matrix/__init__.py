"""The suite against servers that are hard to test: ``python -m tools.target_matrix``."""
