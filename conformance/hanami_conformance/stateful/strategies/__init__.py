"""Strategies: the sequences that Hypothesis draws, as plain data, simple ones first.

Nothing here speaks to a target; :mod:`hanami_conformance.stateful.execute` executes the sequences.
"""
