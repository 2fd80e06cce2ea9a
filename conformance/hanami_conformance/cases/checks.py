"""How a case says what must be, and what it saw where the protocol leaves that open."""

from __future__ import annotations

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.recording import FIRST, current_case


def check(holds: object, *, expected: str, actual: object, requirement: str | None = None) -> None:
    """Compare the actual value with what a requirement asks for.

    Args:
        holds: the comparison; anything that is true passes.
        expected: what the requirement asks for, for the report.
        actual: what the target did; its ``str`` goes into the report.
        requirement: id of the requirement that is broken otherwise, None for the one that the test names first.

    Raises:
        Violation: the comparison does not hold.
    """
    case = current_case()
    case.checks += 1
    case.judged[requirement or FIRST] += 1
    if not holds:
        raise Violation(expected, str(actual), requirement)


def observe(what: str, seen: object) -> None:
    """Record what the target does where the protocol leaves it open."""
    case = current_case()
    case.checks += 1
    case.observations[what] = str(seen)
