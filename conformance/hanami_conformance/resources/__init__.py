"""Uploads and clusters on the target, and their clean-up."""
