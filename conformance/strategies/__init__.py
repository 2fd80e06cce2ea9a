"""Strategies: what Hypothesis draws, plain data throughout, small things first.

Nothing here speaks to a target; :mod:`conformance.stories` tells what is drawn here.
"""
