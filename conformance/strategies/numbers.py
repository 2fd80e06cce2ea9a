"""Small building blocks of what is drawn."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from conformance.stories.step import Step

small = st.integers(0, 3)


def step(do: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """A step whose parts are drawn."""
    return st.fixed_dictionaries(parts).map(lambda drawn: Step(do, drawn))
