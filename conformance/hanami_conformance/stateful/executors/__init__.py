"""Executors: each acts out the steps of one kind of sequence against the target and a model, in lockstep."""
