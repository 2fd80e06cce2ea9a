"""Markers for the parameters of a test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from hanami_conformance.options.profiles import PROFILES

MOST_SEARCHES = max(profile.searches for profile in PROFILES.values())
# Each search ends with one failure; the profile says how many there are.
searches = pytest.mark.parametrize(
    "search", range(1, MOST_SEARCHES + 1), ids=lambda number: f"search-{number}", indirect=True
)

# For tests in a file of others that may run beside each other: these look at what one resource does to another one.
alone = pytest.mark.parallel(False)


def mark_destructive(cases: Iterable[str], *destructive: str) -> list[Any]:
    """Return names of cases for ``parametrize``; those in ``destructive`` run only where that is allowed."""
    marks = (pytest.mark.hostile, pytest.mark.destructive)
    return [pytest.param(case, marks=marks) if case in destructive else case for case in cases]


def mark_hostile(cases: Iterable[str], *hostile: str) -> list[Any]:
    """Return names of cases for ``parametrize``; those in ``hostile`` may crash a fragile server, or lose a worker."""
    return [pytest.param(case, marks=pytest.mark.hostile) if case in hostile else case for case in cases]
