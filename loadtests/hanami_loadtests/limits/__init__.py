"""Limits as code: read from a file, and asked of what a run measured."""
