"""What a collected test is to the suite: whose it is, the id of its case, the statements that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.plugin import SUITE


def is_ours(item: pytest.Item) -> bool:
    """Whether a test belongs to the suite."""
    return SUITE in Path(item.path).parents


def case_id(item: pytest.Item) -> str:
    """The id of a case: file and test, without the folder that the suite is installed in."""
    return f"{item.path.name}::{item.nodeid.split('::', 1)[1]}"


def statements_of(item: pytest.Item) -> tuple[str, ...]:
    """Ids of the statements that a test names."""
    return ids_of(item, "statement")


def ids_of(item: pytest.Item, marker: str) -> tuple[str, ...]:
    """Ids of statements in a marker of a test, in the order as they are written there."""
    marks = reversed(list(item.iter_markers(marker)))  # pytest gives the mark nearest to the function first
    return tuple(name for mark in marks for name in mark.args)


def danger(item: pytest.Item) -> int:
    """0 for a test that harms no server, 1 for one that may end a fragile one, 2 for one that is known to do."""
    return sum(item.get_closest_marker(name) is not None for name in ("hostile", "destructive"))
