"""The list of known failures: its file, and its update after a run."""
