"""Which requirement a failure is attributed to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Violation
from hanami_conformance.cases.recording import current_case


@contextlib.contextmanager
def attribute_to(statement: str) -> Iterator[None]:
    """Attribute what fails in here to this statement: also a preparation, and whatever the test names first."""
    try:
        yield
        current_case().judged[statement] += 1
    except Violation as violation:
        violation.blame(statement)
        raise
    except PreconditionFailed as failure:
        raise Violation("the server to go on as before", str(failure), statement) from failure


@contextlib.contextmanager
def default_requirement(statement: str) -> Iterator[None]:
    """Attribute what fails in here, and names no statement itself, to this one."""
    with on_the_way_to(statement):
        yield
        current_case().judged[statement] += 1


@contextlib.contextmanager
def on_the_way_to(statement: str) -> Iterator[None]:
    """As :func:`default_requirement`, where that nothing fails says nothing of the statement."""
    try:
        yield
    except Violation as violation:
        if violation.statement is None:
            violation.blame(statement)
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
