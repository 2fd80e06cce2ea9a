"""Checks of a case: requirements, and observations of behaviour that the protocol leaves open."""

from __future__ import annotations

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.recording import DEFAULT_REQUIREMENT, current_case


def require(condition: object, *, expected: str, actual: object, requirement: str | None = None) -> None:
    """Require that a condition holds.

    Args:
        condition: Result of the comparison; every true value passes.
        expected: What the requirement asks for, as the report states it.
        actual: What the target did instead; its ``str`` goes into the report.
        requirement: Id of the requirement that a failure violates; None for the one that the test names first.

    Raises:
        Violation: If the condition is false.
    """
    case = current_case()
    case.checks += 1
    case.checks_by_requirement[requirement or DEFAULT_REQUIREMENT] += 1
    if not condition:
        raise Violation(expected, str(actual), requirement)


def observe(what: str, value: object) -> None:
    """Record behaviour of the target that the protocol leaves open."""
    case = current_case()
    case.checks += 1
    case.observations[what] = str(value)
