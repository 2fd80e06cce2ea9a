"""JSON values that stand where something else should."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from conformance.strategies.texts import texts

NUMBERS = [0, -1, 1, 42, 1.5, -0.5, 2**31, 2**32, 2**63, 2**64, 10**30, 1e308]
TEXTS = ["", " ", "null", "0", "true", "%", "*", "../..", "a\x00b", "'; --", "\u00e4\u4e2d\U0001f600", "a" * 300]

scalars = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(TEXTS) | texts(12)
nested = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(6), inner, max_size=3),
    max_leaves=6,
)


def wrong(value: st.SearchStrategy[Any] = nested) -> st.SearchStrategy[list[Any]]:
    """A field with a value that it should not have, or none; see :mod:`conformance.stories.values`."""
    return value.map(lambda drawn: ["value", drawn]) | st.just(["missing"])
