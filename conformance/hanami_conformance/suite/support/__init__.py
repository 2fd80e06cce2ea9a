"""Helpers of the cases: sample data, uploads, clusters, invalid input."""
