"""Settings of Hypothesis for all tests."""

from __future__ import annotations

from hypothesis import settings

# No test asserts a time: the machine that runs the tests does other things, too.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
