"""Capacity search: the highest load at which a target holds the limits."""
