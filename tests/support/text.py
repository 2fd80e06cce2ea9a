"""Changes of texts."""

from __future__ import annotations


def replaced(text: str, old: str, new: str) -> str:
    """Replace a part that a text must have exactly once."""
    assert text.count(old) == 1
    return text.replace(old, new)
