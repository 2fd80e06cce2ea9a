"""Clusters: templates, the numpy network, and the buffer of a cycle."""
