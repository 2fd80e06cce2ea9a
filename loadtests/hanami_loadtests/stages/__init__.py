"""Load that changes over a run: stages with users, rates and limits of their own, read from a file."""
