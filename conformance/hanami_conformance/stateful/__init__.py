"""Stories: what a client does, as plain data.

A property test draws a story, a teller acts it out against a target and a model in step, and what shrinking leaves is a
story of a few steps. Because a story is data, it can be stored, read by people, and told again without Hypothesis.
"""
