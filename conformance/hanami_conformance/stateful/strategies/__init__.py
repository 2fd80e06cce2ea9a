"""Strategies: what Hypothesis draws, plain data throughout, small things first.

Nothing here speaks to a target; :mod:`hanami_conformance.stateful` tells what is drawn here.
"""
