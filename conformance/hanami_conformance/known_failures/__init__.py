"""The list of known failures: its file, and how it is brought up to date."""
