"""Stateful tests: sequences of client actions as plain data, executed against target and model.

Hypothesis draws a sequence and shrinks it if it fails. Because a sequence is data, people can store, read and
replay it without Hypothesis.
"""
