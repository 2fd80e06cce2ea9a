"""How a test says what must be, and how the suite tells the ways in which it can be otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from conformance.record import FIRST, current_case

UNNAMED = "unnamed"  # symptom of a violation that names no statement


class Violation(AssertionError):  # noqa: N818 - the field's word
    """The target did not do what a statement asks for.

    Attributes:
        expected: what the statement asks for.
        came: what the target did instead.
        statement: id of the statement, where it is not the one that the test names first.
        symptom: id of the statement that it would break were nothing known of what came before, empty where that is the
            same. It tells failures apart while a story is made smaller, and what came before changes.
    """

    def __init__(self, expected: str, came: str, statement: str | None = None) -> None:
        super().__init__(f"expected {expected}; came {came}")
        self.expected = expected
        self.came = came
        self.statement = statement
        self.symptom = ""

    def blame(self, statement: str) -> None:
        """Blame another statement, by what came before."""
        self.symptom = self.symptom or self.statement or UNNAMED
        self.statement = statement


class NoAnswer(Violation):
    """The target was silent until the deadline."""


class Dropped(Violation):
    """The target ended a connection that was needed, or never let it begin."""


@contextlib.contextmanager
def blaming(statement: str) -> Iterator[None]:
    """What fails in here breaks this statement: also a preparation, and whatever the test names first."""
    try:
        yield
        current_case().judged[statement] += 1
    except Violation as violation:
        violation.blame(statement)
        raise
    except SetupFailed as failure:
        raise Violation("the server to go on as before", str(failure), statement) from failure


@contextlib.contextmanager
def suspecting(statement: str) -> Iterator[None]:
    """What fails in here, and blames no statement itself, breaks this one."""
    with on_the_way_to(statement):
        yield
        current_case().judged[statement] += 1


@contextlib.contextmanager
def on_the_way_to(statement: str) -> Iterator[None]:
    """As :func:`suspecting`, where that nothing fails says nothing of the statement."""
    try:
        yield
    except Violation as violation:
        if violation.statement is None:
            violation.blame(statement)
        raise


class SetupFailed(Exception):  # noqa: N818 - names what happened, like its siblings
    """A step before the one under test failed, so nothing was judged."""


class TargetLost(Exception):  # noqa: N818
    """The target cannot be used: it is not there, silent, or speaks another protocol."""


class TargetRefused(Exception):  # noqa: N818
    """The target does not take what it was given: the credentials, the dialect, the cluster. One line."""


class Unsupported(Exception):  # noqa: N818
    """The target, or what is known of it, lacks what a test needs."""


def check(holds: object, *, expected: str, came: object, statement: str | None = None) -> None:
    """Compare what came with what a statement asks for.

    Args:
        holds: the comparison; anything that is true passes.
        expected: what the statement asks for, for the report.
        came: what the target did; its ``str`` goes into the report.
        statement: id of the statement that is broken otherwise, None for the one that the test names first.

    Raises:
        Violation: the comparison does not hold.
    """
    case = current_case()
    case.checks += 1
    case.judged[statement or FIRST] += 1
    if not holds:
        raise Violation(expected, str(came), statement)


def observe(what: str, seen: object) -> None:
    """Record what the target does where the protocol leaves it open."""
    case = current_case()
    case.checks += 1
    case.observations[what] = str(seen)
