"""The list of known failures: its file, what it is checked against, and how it is brought up to date."""
