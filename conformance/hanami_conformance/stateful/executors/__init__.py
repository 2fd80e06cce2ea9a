"""Executors: each executes the sequences of one kind against the target and a model in lockstep."""
