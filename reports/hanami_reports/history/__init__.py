"""A history of many results: what changed, from which run on, and which verdicts change without a reason."""
