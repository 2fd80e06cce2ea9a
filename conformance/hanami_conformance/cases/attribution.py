"""Which requirement a failure is attributed to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Violation
from hanami_conformance.cases.recording import current_case


@contextlib.contextmanager
def attribute_to(requirement: str) -> Iterator[None]:
    """Attribute what fails in here to this requirement: also a preparation, and whatever the test names first."""
    try:
        yield
        current_case().judged[requirement] += 1
    except Violation as violation:
        violation.blame(requirement)
        raise
    except PreconditionFailed as failure:
        raise Violation("the server to go on as before", str(failure), requirement) from failure


@contextlib.contextmanager
def default_requirement(requirement: str) -> Iterator[None]:
    """Attribute what fails in here, and names no requirement itself, to this one."""
    with on_the_way_to(requirement):
        yield
        current_case().judged[requirement] += 1


@contextlib.contextmanager
def on_the_way_to(requirement: str) -> Iterator[None]:
    """As :func:`default_requirement`, where that nothing fails says nothing of the requirement."""
    try:
        yield
    except Violation as violation:
        if violation.requirement is None:
            violation.blame(requirement)
        raise


@contextlib.contextmanager
def precondition(what: str) -> Iterator[None]:
    """Let what fails in here be no failure of the step under test: it could not be reached.

    Raises:
        PreconditionFailed: in place of any violation.
    """
    try:
        yield
    except (Violation, TargetDown) as error:
        raise PreconditionFailed(f"{what}: {error}") from error
