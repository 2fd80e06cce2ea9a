"""Texts of any characters."""

from __future__ import annotations

from hypothesis import strategies as st

# All but surrogates, as Hypothesis has it; by itself it would try for a second which of them UTF-8 can encode.
CHARACTERS = st.characters(exclude_categories=["Cs"])


def texts(max_size: int) -> st.SearchStrategy[str]:
    """Texts of any characters, up to a length."""
    return st.text(CHARACTERS, max_size=max_size)
