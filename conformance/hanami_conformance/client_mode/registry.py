"""The connection between checks and requirements."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hanami_conformance.catalogue import client_catalogue
from hanami_conformance.client_mode.situation import Situation

# Returns the number of comparisons, 0 where the scenario says nothing about the requirement; raises Violation.
Check = Callable[[Situation], int]
_CHECKS: dict[str, Check] = {}


def judges(requirement: str) -> Callable[[Check], Check]:
    """Declare a function as the check of a requirement.

    Raises:
        ValueError: If the requirement is not in the catalogue, or has a check already.
    """
    if requirement not in client_catalogue() or requirement in _CHECKS:
        raise ValueError(f"{requirement} is not in the catalogue, or has a check already")

    def declare(check: Check) -> Check:
        _CHECKS[requirement] = check
        return check

    return declare


def registered() -> Mapping[str, Check]:
    """Return the declared checks by requirement, in the order of the catalogue."""
    return {name: _CHECKS[name] for name in client_catalogue() if name in _CHECKS}
