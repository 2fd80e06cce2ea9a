"""Sequences: what a client does, as plain data.

A property test draws a sequence, an executor runs it against a target and a model in lockstep, and what shrinking
leaves is a sequence of a few steps. Because a sequence is data, it can be stored, read by people, and replayed without
Hypothesis.
"""
