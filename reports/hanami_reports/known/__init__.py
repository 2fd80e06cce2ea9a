"""Known failures: what a list of them says, and whether it holds for a run."""
