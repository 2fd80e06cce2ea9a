"""Small building blocks of what is drawn."""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import strategies as st

from conformance.stories.step import Step

T = TypeVar("T")

small = st.integers(0, 3)


def mostly(strategy: st.SearchStrategy[T], weight: int) -> st.SearchStrategy[T]:
    """A strategy that counts as several branches beside others: Hypothesis takes one that is given twice only once."""
    return st.one_of(*(strategy.map(_itself) for _ in range(weight)))


def _itself(value: T) -> T:
    return value


def step(do: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """A step whose parts are drawn."""
    return st.fixed_dictionaries(parts).map(lambda drawn: Step(do, drawn))
